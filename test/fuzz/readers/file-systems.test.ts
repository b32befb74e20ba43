import { mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openExfat } from "../../../src/disk/filesystem/exfat/exfat-file-system.ts";
import { openExt4 } from "../../../src/disk/filesystem/ext4/ext4-file-system.ts";
import { openFat } from "../../../src/disk/filesystem/fat/fat-file-system.ts";
import type { FileSystem } from "../../../src/disk/filesystem/file-system.ts";
import { openNtfs } from "../../../src/disk/filesystem/ntfs/ntfs-file-system.ts";
import { openXfs } from "../../../src/disk/filesystem/xfs/xfs-file-system.ts";
import type { ByteSource } from "../../../src/source/byte-source.ts";
import { MemorySource } from "../../../src/source/memory-source.ts";
import { EXFAT_PACKAGES, makeExfatImage } from "../../oracle/exfat/images.ts";
import { dirtyCopies as dirtyExt } from "../../oracle/ext4/dirty-images.ts";
import { EXT4_PACKAGES, tool as ext4Tool, makeImage as makeExt4 } from "../../oracle/ext4/images.ts";
import { FAT_PACKAGES, mtool } from "../../oracle/fat/mtools.ts";
import { makeImage as makeNtfs, NTFS_PACKAGES } from "../../oracle/ntfs/images.ts";
import { dirtyCopies as dirtyXfs } from "../../oracle/xfs/dirty-images.ts";
import { makeImage as makeXfs, XFS_PACKAGES, tool as xfsTool } from "../../oracle/xfs/images.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { runTool } from "../../setup/run-tool.ts";
import { temporaryDirectory } from "../../setup/scratch-directory.ts";
import { exploreFileSystem } from "./explore.ts";
import { ext4Structures } from "./ext4-structures.ts";
import { exfatStructures, fatStructures } from "./fat-structures.ts";
import { ntfsStructures } from "./ntfs-structures.ts";
import { fuzzReader } from "./reader-fuzz.ts";
import { xfsLogStructures, xfsStructures } from "./xfs-structures.ts";

const BLOCK = 1024;
const KiB = 1024;

const home = temporaryDirectory();
afterAll(home.remove);

beforeAll(() =>
  requireDebianPackages(...EXT4_PACKAGES, ...XFS_PACKAGES, ...NTFS_PACKAGES, ...FAT_PACKAGES, ...EXFAT_PACKAGES),
);

const reading = (open: (source: ByteSource) => Promise<FileSystem>) => async (bytes: Uint8Array) =>
  exploreFileSystem(await open(new MemorySource(bytes)));

const read = (file: string): Uint8Array => Uint8Array.from(readFileSync(file));

async function ext4Image(name: string, ...mkfs: readonly string[]): Promise<Uint8Array> {
  const options = ["-b", String(BLOCK), "-N", "48", ...mkfs];
  return read(await makeExt4({ name, mkfs: options, size: 1, blockSize: BLOCK, parts: ["one_of_each"] }, home.path));
}

test("ext4, checksums made right again", async () => {
  const image = await ext4Image("checksums", "-t", "ext4", "-O", "metadata_csum,64bit,^has_journal,^resize_inode");
  const structures = ext4Structures(image);
  const kinds = new Set(structures.map(({ kind }) => kind));
  expect(kinds).toEqual(
    new Set([
      "superblock",
      "group descriptor",
      "inode",
      "attribute block",
      "extent block",
      "directory block",
      "hash tree node",
    ]),
  );
  await fuzzReader({
    name: "ext4 images with checksums",
    image,
    structures,
    order: "little",
    read: reading((source) => openExt4(source)),
    share: 0.12,
  });
});

test("ext2, which has block maps and no checksums", async () => {
  const image = await ext4Image("block maps", "-t", "ext2", "-I", "128", "-O", "^resize_inode");
  const structures = Array.from({ length: image.length / BLOCK }, (_, block) => ({
    kind: block < 4 ? "header" : "block",
    start: block * BLOCK,
    length: BLOCK,
  })).filter(({ start, length }) => image.subarray(start, start + length).some((byte) => byte !== 0));
  await fuzzReader({
    name: "ext2 images",
    image,
    structures,
    order: "little",
    read: reading((source) => openExt4(source)),
    share: 0.08,
  });
});

/** Where the log lies, in bytes. */
async function logPlace(file: string): Promise<{ start: number; length: number }> {
  const shown = await xfsTool("xfs_db", "-r", "-c", "sb 0", "-c", "print logstart logblocks agblocks agblklog", file);
  const field = (name: string) => Number(new RegExp(`${name} = (\\d+)`).exec(shown)?.[1]);
  const [group, block] = [field("logstart") >> field("agblklog"), field("logstart") % 2 ** field("agblklog")];
  return { start: (group * field("agblocks") + block) * BLOCK, length: field("logblocks") * BLOCK };
}

test("XFS version 5, checksums made right again", async () => {
  const file = await makeXfs(
    {
      name: "version 5",
      mkfs: ["-b", `size=${BLOCK}`, "-d", "agcount=2"],
      size: 34,
      blockSize: BLOCK,
      parts: ["one_of_each"],
    },
    home.path,
  );
  const log = await logPlace(file);
  const image = read(file);
  await fuzzReader({
    name: "XFS images with checksums",
    image,
    structures: xfsStructures(image, log),
    order: "big",
    read: reading((source) => openXfs(source)),
    share: 0.16,
  });
});

test("XFS logs, checksums made right again", async () => {
  const recipe = {
    name: "busy",
    mkfs: ["-b", `size=${BLOCK}`, "-d", "agcount=2"],
    size: 34,
    workload: "metadata",
  } as const;
  const file = (await dirtyXfs(recipe, home.path, 1))[0] ?? expect.fail();
  const image = read(file);
  await fuzzReader({
    name: "XFS logs",
    image,
    structures: xfsLogStructures(image, await logPlace(file)),
    order: "big",
    read: reading((source) => openXfs(source)),
    share: 0.06,
  });
});

test("ext3 journals", async () => {
  const directory = path.join(home.path, "journal");
  mkdirSync(directory);
  const mkfs = ["-t", "ext3", "-b", String(BLOCK), "-N", "64", "-J", "size=1"];
  const file =
    (await dirtyExt({ name: "busy", mkfs, size: 6, workload: "directories" }, directory, 1))[0] ?? expect.fail();
  const image = read(file);
  const blocks = (await ext4Tool("debugfs", "-R", "blocks <8>", file)).trim().split(/\s+/).map(Number);
  const used = blocks.filter((block) => image.subarray(block * BLOCK, (block + 1) * BLOCK).some((byte) => byte !== 0));
  const isControl = (block: number) => Buffer.from(image).readUInt32BE(block * BLOCK) === 0xc03b3998;
  await fuzzReader({
    name: "ext3 journals",
    image,
    structures: used.map((block) => ({
      kind: isControl(block) ? "control block" : "logged block",
      start: block * BLOCK,
      length: isControl(block) ? 256 : BLOCK,
    })),
    order: "big",
    read: reading((source) => openExt4(source)),
    share: 0.05,
  });
});

test("NTFS, update sequences kept right", async () => {
  const recipe = { name: "small", size: 4, clusterSize: 512, parts: ["one_of_each"] };
  const image = read(await makeNtfs(recipe, home.path));
  await fuzzReader({
    name: "NTFS images",
    image,
    structures: ntfsStructures(image),
    order: "little",
    read: reading((source) => openNtfs(source)),
    share: 0.16,
  });
});

/** Long names, a file in pieces, two levels of directories. */
async function smallFat(bits: string): Promise<Uint8Array> {
  const image = path.join(home.path, `fat${bits}`);
  writeFileSync(image, "");
  truncateSync(image, bits === "12" ? 512 * KiB : 4096 * KiB);
  await runTool("mkfs.fat", ["-F", bits, "-s", "1", "-a", image]);
  const content = path.join(home.path, "content");
  await mtool("mmd", image, 437, "::sub", "::sub/a directory with a long name");
  for (const [name, length] of [
    ["A", 600],
    ["B", 600],
    ["sub/a file with a long name.txt", 9000],
  ] as const) {
    writeFileSync(content, Buffer.alloc(length, name));
    await mtool("mcopy", image, 437, "-m", content, `::${name}`);
  }
  await mtool("mdel", image, 437, "::A");
  await mtool("mcopy", image, 437, "-m", content, "::sub/a directory with a long name/pieces");
  return read(image);
}

test.each(["12", "16"])("FAT%s", async (bits) => {
  const image = await smallFat(bits);
  await fuzzReader({
    name: `FAT${bits} images`,
    image,
    structures: fatStructures(image),
    order: "little",
    read: reading((source) => openFat(source)),
    share: 0.05,
  });
});

test("exFAT, checksums made right again", async () => {
  const recipe = { name: "small", size: 8, mkfs: ["-c", "512"], clusterSize: 512, sectorSize: 512, many: 20 };
  const image = read(await makeExfatImage(recipe));
  await fuzzReader({
    name: "exFAT images",
    image,
    structures: exfatStructures(image),
    order: "little",
    read: reading((source) => openExfat(source)),
    share: 0.08,
  });
});
