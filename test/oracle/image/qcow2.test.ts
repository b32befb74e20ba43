import { readFileSync, statSync, truncateSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { DiskImage } from "../../../src/disk/disk.ts";
import { readChunks } from "../../../src/source/read-chunks.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { tally } from "../../setup/tally.ts";
import { openFiles, QEMU_PACKAGES, qemuBytes, qemuImg, qemuIo, seededRandom, writeRawDisk } from "./qemu.ts";

beforeAll(() => requireDebianPackages(...QEMU_PACKAGES));

const MiB = 1024 * 1024;

/** All bytes in a stream, random ranges, and holes that really are zeros. */
async function expectEqualBytes(image: DiskImage, expected: Buffer): Promise<void> {
  expect(image.size).toBe(expected.length);
  let position = 0;
  for await (const chunk of readChunks(image, 0, image.size, { chunkSize: 300_000 })) {
    expect(Buffer.compare(chunk, expected.subarray(position, position + chunk.length)), `chunk at ${position}`).toBe(0);
    position += chunk.length;
  }
  expect(position).toBe(expected.length);
  const random = seededRandom(expected.length);
  for (let round = 0; round < 200; round++) {
    const offset = random(image.size);
    const length = random(Math.min(200_000, image.size - offset + 1));
    const bytes = await image.read(offset, length);
    expect(Buffer.compare(bytes, expected.subarray(offset, offset + length)), `${offset}+${length}`).toBe(0);
  }
  tally("qcow2 images equal to qemu-img convert, byte by byte", 1);
  await expectTrueExtents(image, expected);
}

async function expectTrueExtents(image: DiskImage, expected: Buffer): Promise<number> {
  let position = 0;
  let holes = 0;
  for await (const { offset, length, kind } of image.extents?.() ?? []) {
    expect(offset).toBe(position);
    position += length;
    if (kind === "data") continue;
    holes += length;
    expect(
      expected.subarray(offset, position).every((byte) => byte === 0),
      `hole at ${offset}`,
    ).toBe(true);
  }
  expect(position).toBe(image.size);
  return holes;
}

const CONVERSIONS: readonly (readonly [string, readonly string[]])[] = [
  ["version 2", ["-o", "compat=0.10"]],
  ["version 3", ["-o", "compat=1.1"]],
  ["512 B clusters", ["-o", "cluster_size=512"]],
  ["4 KiB clusters, version 2", ["-o", "cluster_size=4k,compat=0.10"]],
  ["2 MiB clusters", ["-o", "cluster_size=2M"]],
  ["extended L2", ["-o", "extended_l2=on,cluster_size=16k"]],
  ["extended L2, 2 MiB clusters", ["-o", "extended_l2=on,cluster_size=2M"]],
  ["deflate", ["-c"]],
  ["deflate, 512 B clusters", ["-c", "-o", "cluster_size=512"]],
  ["deflate, 2 MiB clusters", ["-c", "-o", "cluster_size=2M"]],
  ["deflate, version 2", ["-c", "-o", "compat=0.10"]],
  ["deflate, extended L2", ["-c", "-o", "extended_l2=on,cluster_size=64k"]],
  ["zstd", ["-c", "-o", "compression_type=zstd"]],
  ["zstd, 2 MiB clusters", ["-c", "-o", "compression_type=zstd,cluster_size=2M"]],
  ["zstd, 4 KiB clusters", ["-c", "-o", "compression_type=zstd,cluster_size=4k"]],
  ["metadata preallocated", ["-o", "preallocation=metadata"]],
  ["1-bit reference counts, lazy", ["-o", "refcount_bits=1,lazy_refcounts=on"]],
  ["out of order", ["-W", "-m", "8"]],
];

test.each(CONVERSIONS)("%s", async (_name, options) => {
  const directory = scratchDirectory();
  const raw = path.join(directory, "disk.raw");
  const image = path.join(directory, "disk.qcow2");
  // Neither a multiple of any cluster size nor of 4 KiB.
  writeRawDisk(raw, 5 * MiB + 3 * 512, 7);
  qemuImg("convert", "-f", "raw", "-O", "qcow2", ...options, raw, image);
  const disk = await openFiles([image]);
  await expectEqualBytes(disk, readFileSync(raw));
  await disk.close();
});

test.each([
  ["standard", "cluster_size=64k"],
  ["small clusters", "cluster_size=1k"],
  ["extended L2", "cluster_size=32k,extended_l2=on"],
  ["version 2", "compat=0.10"],
])("overwritten, zeroed and discarded in place: %s", async (_name, options) => {
  const directory = scratchDirectory();
  const image = path.join(directory, "disk.qcow2");
  qemuImg("create", "-f", "qcow2", "-o", options, image, "8M");
  const random = seededRandom(11);
  const commands = Array.from({ length: 120 }, () => {
    const offset = random(8 * MiB - 200_000);
    const aligned = Math.floor(offset / 512) * 512;
    const length = (1 + random(300)) * 512;
    const kind = random(5);
    if (kind === 0) return `write -z ${aligned} ${length}`;
    if (kind === 1) return `write -zu ${aligned} ${length}`;
    if (kind === 2) return `discard ${aligned} ${length}`;
    return `write -P ${1 + random(255)} ${aligned} ${length}`;
  });
  qemuIo(image, ...commands);
  const disk = await openFiles([image]);
  const expected = qemuBytes(image);
  await expectEqualBytes(disk, expected);
  expect(await expectTrueExtents(disk, expected)).toBeGreaterThan(0);
  await disk.close();
});

test("compressed and plain clusters side by side, with a truncated last sector", async () => {
  const directory = scratchDirectory();
  const image = path.join(directory, "disk.qcow2");
  qemuImg("create", "-f", "qcow2", image, "4M");
  const commands = Array.from({ length: 20 }, (_, index) => `write -c -P ${index + 1} ${index * 131_072} 65536`);
  qemuIo(image, "write -P 7 65536 4096", ...commands, "write -P 9 1M 512");
  const disk = await openFiles([image]);
  await expectEqualBytes(disk, qemuBytes(image));
  await disk.close();
});

test("backing chains: zeros behind a shorter backing file, holes through all layers", async () => {
  const directory = scratchDirectory();
  const [base, middle, top] = ["base.raw", "middle.qcow2", "top.qcow2"].map((name) => path.join(directory, name)) as [
    string,
    string,
    string,
  ];
  writeRawDisk(base, 3 * MiB + 1536, 5);
  qemuImg("create", "-f", "qcow2", "-b", base, "-F", "raw", middle, "6M");
  qemuIo(middle, "write -P 1 1M 100k", "write -z 2M 128k", "write -P 2 4M 64k");
  qemuImg("create", "-f", "qcow2", "-o", "extended_l2=on", "-b", middle, "-F", "qcow2", top, "8M");
  qemuIo(top, "write -P 3 1060k 8k", "write -z 4128k 4k", "write -P 4 7M 1k");
  const disk = await openFiles([top, middle, base]);
  await expectEqualBytes(disk, qemuBytes(top));
  await disk.close();

  await expect(openFiles([top])).rejects.toThrow(`names "${middle}"`);
  await expect(openFiles([top, middle])).rejects.toThrow("--backing");
  await expect(openFiles([top, middle, base, base])).rejects.toThrow("a raw disk image has no backing file");
  await expect(openFiles([middle, base, base])).rejects.toThrow("a raw disk image has no backing file");
});

test("internal snapshots are listed and the active layer is read", async () => {
  const directory = scratchDirectory();
  const image = path.join(directory, "disk.qcow2");
  qemuImg("create", "-f", "qcow2", image, "4M");
  qemuIo(image, "write -P 1 0 1M");
  qemuImg("snapshot", "-c", "before the update", image);
  qemuIo(image, "write -P 2 512k 1M");
  qemuImg("snapshot", "-c", "größe", image);
  const disk = await openFiles([image]);
  expect(disk.info.snapshots).toEqual([
    { id: "1", name: "before the update" },
    { id: "2", name: "größe" },
  ]);
  await expectEqualBytes(disk, qemuBytes(image));
  await disk.close();
});

test("facts and warnings are told; what cannot be read is refused by name", async () => {
  const directory = scratchDirectory();
  const at = (name: string) => path.join(directory, name);
  qemuImg("create", "-f", "qcow2", "-o", "extended_l2=on,compression_type=zstd", at("facts.qcow2"), "1M");
  const facts = await openFiles([at("facts.qcow2")]);
  expect(facts.info.features).toEqual([
    "version 3",
    "cluster size 64 KiB",
    "extended L2 entries",
    "compression type zstd",
  ]);
  await facts.close();

  qemuImg("create", "-f", "qcow2", "-o", `data_file=${at("data.raw")}`, at("external.qcow2"), "1M");
  await expect(openFiles([at("external.qcow2")])).rejects.toThrow("qcow2: not supported: external data file");
  const secret = ["--object", "secret,id=s,data=geheim"];
  qemuImg(
    "create",
    ...secret,
    "-f",
    "qcow2",
    "-o",
    "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10",
    at("luks.qcow2"),
    "1M",
  );
  await expect(openFiles([at("luks.qcow2")])).rejects.toThrow("encryption (LUKS)");
  for (const format of ["vmdk", "vdi", "vhdx", "vpc", "qed", "qcow"]) {
    qemuImg("create", "-f", format, at(`disk.${format}`), "4M");
    await expect(openFiles([at(`disk.${format}`)]), format).rejects.toThrow("not supported");
  }
});

test("a truncated image fails where bytes are missing and nowhere else", async () => {
  const directory = scratchDirectory();
  const image = path.join(directory, "disk.qcow2");
  qemuImg("create", "-f", "qcow2", image, "8M");
  qemuIo(image, "write -P 1 0 4M");
  const whole = qemuBytes(image);
  truncateSync(image, statSync(image).size - MiB - 1000);
  const disk = await openFiles([image]);
  expect(Buffer.compare(await disk.read(0, 2 * MiB), whole.subarray(0, 2 * MiB))).toBe(0);
  await expect(disk.read(2 * MiB, 2 * MiB)).rejects.toThrow(/qcow2: data cluster at byte \d+: .*cut short/);
  expect(Buffer.compare(await disk.read(4 * MiB, 4 * MiB), whole.subarray(4 * MiB))).toBe(0);
  await disk.close();
});

test("a qcow2 header on a disk known to be raw is not followed", async () => {
  const directory = scratchDirectory();
  const image = path.join(directory, "disk.qcow2");
  qemuImg("create", "-f", "qcow2", image, "8M");
  const disk = await openFiles([image], { format: "raw" });
  expect([disk.info.format, disk.size]).toEqual(["raw", statSync(image).size]);
  await disk.close();
});
