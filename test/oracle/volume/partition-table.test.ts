import { execFileSync } from "node:child_process";
import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { PartitionTable } from "../../../src/disk/disk.ts";
import { readPartitionTable } from "../../../src/disk/volume/partition-table.ts";
import { FileSource } from "../../../src/source/file-source.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { tally } from "../../setup/tally.ts";
import { runText, sfdisk, sfdiskView } from "./sfdisk.ts";

beforeAll(() => requireDebianPackages("fdisk", "gdisk", "mount"));

const MiB = 1024 * 1024;
const DISK_SIZE = 256 * MiB;

function emptyDisk(): string {
  const file = path.join(scratchDirectory(), "disk.img");
  const descriptor = openSync(file, "w");
  ftruncateSync(descriptor, DISK_SIZE);
  closeSync(descriptor);
  return file;
}

function overwrite(file: string, offset: number, bytes: Uint8Array): void {
  const descriptor = openSync(file, "r+");
  writeSync(descriptor, bytes, 0, bytes.length, offset);
  closeSync(descriptor);
}

async function tableOf(file: string, sectorSize?: number): Promise<PartitionTable> {
  const source = await FileSource.open(file);
  try {
    return await readPartitionTable(source, sectorSize === undefined ? {} : { sectorSize });
  } finally {
    await source.close();
  }
}

/** Numbers, places, types, names and UUIDs as sfdisk sees them. */
async function expectAsSfdisk(file: string, sectorSize = 512): Promise<PartitionTable> {
  const { scheme, partitions } = sfdiskView(file, sectorSize);
  const table = await tableOf(file, scheme === "mbr" ? sectorSize : undefined);
  expect(table.scheme).toBe(scheme);
  expect(table.sectorSize).toBe(sectorSize);
  expect(table.partitions).toEqual(partitions);
  tally("partitions equal to sfdisk's", partitions.length);
  return table;
}

const GPT =
  'label: gpt\nsize=1M, type=21686148-6449-6E6F-744E-656564454649\nsize=20M, type=U, name="EFI System Partition"\nsize=40M, name="größe"\n';
const many = (count: number) => Array.from({ length: count }, () => "size=1M\n").join("");

test.each([
  ["GPT", 512, GPT],
  ["GPT with 4096-byte sectors", 4096, GPT],
  ["GPT with 100 partitions", 512, `label: gpt\n${many(100)}`],
  ["GPT with gaps in its numbers", 512, "label: gpt\n3: size=2M\n17: size=4M\n"],
  ["GPT without partitions", 512, "label: gpt\n"],
  [
    "MBR with four primary partitions",
    512,
    "label: dos\nsize=1M,type=83,bootable\nsize=2M,type=82\nsize=3M,type=7\n,,8e\n",
  ],
  ["MBR with a chain of logical partitions", 512, `label: dos\nsize=1M\nsize=2M\ntype=5\n${many(40)}`],
  ["MBR with an LBA extended partition first", 512, `label: dos\nsize=100M,type=f\n,,\n${many(3)}`],
  ["MBR with 4096-byte sectors", 4096, `label: dos\nsize=4M\nsize=8M\ntype=f\n${many(2)}`],
])("%s", async (_name, sectorSize, script) => {
  const file = emptyDisk();
  sfdisk(file, sectorSize, ["-q"], script);
  const table = await expectAsSfdisk(file, sectorSize);
  expect(table.warnings).toEqual([]);
});

test("logical partitions keep their order when they lie out of order", async () => {
  const file = emptyDisk();
  const script =
    "label: dos\nstart=2048,size=2048\nstart=10240,size=200000,type=5\nstart=100000,size=2048\nstart=20480,size=2048\n";
  runText("sfdisk", ["-q", file], script);
  await expectAsSfdisk(file);
});

test("a damaged primary GPT is replaced by the backup, with a warning", async () => {
  for (const [offset, problem] of [
    [512 + 40, "checksum does not match"],
    [512, "missing"],
    [2 * 512 + 3, "partition entries at byte 1024: checksum does not match"],
  ] as const) {
    const file = emptyDisk();
    runText("sfdisk", ["-q", file], GPT);
    const before = await tableOf(file);
    overwrite(file, offset, Buffer.from([0x55]));
    const after = await tableOf(file);
    expect(after.partitions).toEqual(before.partitions);
    expect(after.warnings.join()).toContain(problem);
    expect(after.warnings.join()).toContain("its backup at the disk's end is used");
  }
});

test("a damaged or cut-off backup GPT is a warning", async () => {
  const file = emptyDisk();
  runText("sfdisk", ["-q", file], GPT);
  overwrite(file, DISK_SIZE - 512 + 20, Buffer.from([1, 2, 3]));
  expect((await expectAsSfdisk(file)).warnings).toEqual([expect.stringContaining("backup GPT: ")]);
});

test("both GPTs damaged: no partitions, and the reason", async () => {
  const file = emptyDisk();
  runText("sfdisk", ["-q", file], GPT);
  overwrite(file, 512 + 40, Buffer.from([0x55]));
  overwrite(file, DISK_SIZE - 512 + 40, Buffer.from([0x55]));
  const table = await tableOf(file);
  expect([table.scheme, table.partitions]).toEqual(["gpt", []]);
  expect(table.warnings.join()).toMatch(/announces a GPT, but primary GPT: .*backup GPT: /);
});

test("a protective MBR without any GPT", async () => {
  const file = emptyDisk();
  runText("sfdisk", ["-q", file], "label: dos\ntype=ee\n");
  expect((await tableOf(file)).warnings).toEqual([expect.stringContaining("there is no GPT")]);
});

test("hybrid MBR: the GPT counts, as in Linux", async () => {
  const file = emptyDisk();
  runText("sgdisk", ["-n", "1:2048:+10M", "-n", "2:0:+20M", "-t", "2:0700", file]);
  const before = await tableOf(file);
  runText("sgdisk", ["-h", "2", file]);
  const after = await tableOf(file);
  expect(after.partitions).toEqual(before.partitions);
  expect(after.warnings).toEqual(["hybrid MBR: the GPT is used, as Linux does"]);
});

test("a GPT that no protective MBR announces any more is ignored, with a warning", async () => {
  const file = emptyDisk();
  runText("sfdisk", ["-q", file], GPT);
  const mbr = emptyDisk();
  runText("sfdisk", ["-q", mbr], "label: dos\nsize=7M\n");
  overwrite(file, 0, new Uint8Array(execFileSync("head", ["-c", "512", mbr])));
  const table = await tableOf(file);
  expect([table.scheme, table.partitions.length]).toEqual(["mbr", 1]);
  expect(table.warnings).toEqual(["a GPT that no protective MBR announces is ignored, as Linux does"]);
});

test("partitions that overlap or reach beyond the end are told", async () => {
  const file = emptyDisk();
  runText("sfdisk", ["-q", "--force", file], "label: dos\nstart=2048,size=20480\nstart=30000,size=20480\n");
  // Second entry: start 2100, and a size past the end.
  const entry = Buffer.alloc(8);
  entry.writeUInt32LE(2100, 0);
  entry.writeUInt32LE(1_000_000, 4);
  overwrite(file, 446 + 16 + 8, entry);
  const table = await tableOf(file);
  expect(table.partitions).toHaveLength(2);
  expect(table.warnings).toEqual([
    "partitions 1 and 2 overlap",
    expect.stringContaining("partition 2 (bytes 1075200 to 513075200) reaches beyond"),
  ]);
});

test("a chain of logical partitions that loops ends with a warning", async () => {
  const file = emptyDisk();
  runText(
    "sfdisk",
    ["-q", file],
    "label: dos\nstart=2048,size=200000,type=5\nstart=4096,size=2048\nstart=10240,size=2048\n",
  );
  const { partitions } = await tableOf(file);
  expect(partitions.map(({ number }) => number)).toEqual([1, 5, 6]);
  // The second record (sector 8192, one MiB-aligned step before its partition) links back to the first.
  const source = await FileSource.open(file);
  const first = Buffer.from(await source.read(2048 * 512, 512));
  await source.close();
  const second = 2048 + first.readUInt32LE(446 + 16 + 8);
  const link = Buffer.alloc(16);
  link[4] = 5;
  link.writeUInt32LE(1, 8);
  link.writeUInt32LE(2048, 12);
  link.writeUInt32LE(0, 8);
  overwrite(file, second * 512 + 446 + 16, link);
  const table = await tableOf(file);
  expect(table.partitions.map(({ number }) => number)).toEqual([1, 5, 6]);
  expect(table.warnings).toEqual([expect.stringContaining("loops at the extended boot record at sector 2048")]);
});

test("no table at all", async () => {
  const table = await tableOf(emptyDisk());
  expect(table).toEqual({ scheme: "none", sectorSize: 512, partitions: [], warnings: [] });
});
