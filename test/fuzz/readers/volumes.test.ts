import { createHash } from "node:crypto";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { crc32 } from "node:zlib";
import { afterAll, beforeAll, test } from "vitest";
import { defaultLimits } from "../../../src/bytes/limits.ts";
import { assembleDisks } from "../../../src/disk/assemble-disks.ts";
import { smallImage } from "../../../src/disk/image/qcow2/small-image.fixture.ts";
import { openDisk } from "../../../src/disk/open-disk.ts";
import type { FoundSets } from "../../../src/disk/volume/inner-volume.ts";
import { readLuksHeader } from "../../../src/disk/volume/luks/find-encrypted-volumes.ts";
import { luks1Image, luks2Image } from "../../../src/disk/volume/luks/small-luks.fixture.ts";
import { findLogicalVolumes } from "../../../src/disk/volume/lvm2/find-logical-volumes.ts";
import { findArrays } from "../../../src/disk/volume/md/find-arrays.ts";
import { MemorySource } from "../../../src/source/memory-source.ts";
import {
  AREA,
  groupText,
  LABEL,
  linear,
  physicalVolume,
  sealArea,
  sealLabel,
  TEXT_START,
} from "../../fixtures/lvm2/small-physical-volume.ts";
import { arrayMember, MEMBER_SIZE, SUPERBLOCK_SIZE, sealMember } from "../../fixtures/md/small-member.ts";
import { sfdisk } from "../../oracle/volume/sfdisk.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { temporaryDirectory } from "../../setup/scratch-directory.ts";
import { allowed, exploreSource } from "./explore.ts";
import type { MutableImage } from "./mutable-image.ts";
import type { Structure } from "./mutate.ts";
import { fuzzReader } from "./reader-fuzz.ts";

const SECTOR = 512;
const KiB = 1024;

const home = temporaryDirectory();
afterAll(home.remove);

beforeAll(() => requireDebianPackages("fdisk", "mount"));

/** Everything that is found on a disk, in its volumes and across them. */
async function readDisk(bytes: Uint8Array, format: "raw" | "qcow2" = "raw"): Promise<void> {
  const disk = await openDisk(new MemorySource(bytes), { format });
  const [assembled] = await assembleDisks([{ name: "disk", disk }]);
  await exploreSource(disk.source);
  for (const volume of assembled?.volumes ?? []) await exploreSource(volume.source);
  await assembled?.close();
}

async function readSets(found: FoundSets): Promise<void> {
  for (const { open } of found.sets.flatMap(({ volumes }) => volumes)) {
    const source = await allowed(open);
    if (source !== undefined) await exploreSource(source);
  }
}

function partitioned(name: string, script: string): Uint8Array {
  const file = path.join(home.path, name);
  writeFileSync(file, "");
  truncateSync(file, 1024 * KiB);
  sfdisk(file, SECTOR, ["-q"], script);
  return Uint8Array.from(readFileSync(file));
}

const sectors = (kind: string, ...numbers: readonly number[]): Structure[] =>
  numbers.map((number) => ({ kind, start: number * SECTOR, length: SECTOR }));

function putU32(image: MutableImage, offset: number, value: number): void {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  image.write(offset, bytes);
}

/** Both checksums of the GPT header in sector `header`: over the entries it names, and over itself. */
function sealGpt(image: MutableImage, header: number): void {
  const start = header * SECTOR;
  const entries = Number(image.bytes.readBigUInt64LE(start + 72)) * SECTOR;
  const size = image.bytes.readUInt32LE(start + 80) * image.bytes.readUInt32LE(start + 84);
  if (entries + size <= image.bytes.length)
    putU32(image, start + 88, crc32(image.bytes.subarray(entries, entries + size)));
  const headerSize = Math.min(image.bytes.readUInt32LE(start + 12), SECTOR);
  const copy = Buffer.from(image.bytes.subarray(start, start + headerSize));
  if (headerSize >= 20) copy.fill(0, 16, 20);
  putU32(image, start + 16, crc32(copy));
}

test("GPT, checksums made right again", async () => {
  const image = partitioned("gpt", 'label: gpt\nsize=64K, type=U, name="EFI"\nsize=128K\nsize=256K\n');
  const last = image.length / SECTOR - 1;
  await fuzzReader({
    name: "GPT disks",
    image,
    structures: [
      ...sectors("protective MBR", 0),
      { kind: "header", start: SECTOR, length: 96, seal: (mutant) => sealGpt(mutant, 1) },
      { kind: "entries", start: 2 * SECTOR, length: 4 * 128, seal: (mutant) => sealGpt(mutant, 1) },
      { kind: "header", start: last * SECTOR, length: 96, seal: (mutant) => sealGpt(mutant, last) },
    ],
    order: "little",
    read: (bytes) => readDisk(bytes),
    share: 0.04,
  });
});

test("MBR", async () => {
  const image = partitioned("mbr", "label: dos\nsize=64K,type=83\ntype=5\nsize=64K\nsize=128K\nsize=64K,type=7\n");
  const records = Array.from({ length: image.length / SECTOR }, (_, sector) => sector).filter(
    (sector) => image[sector * SECTOR + 510] === 0x55 && image[sector * SECTOR + 511] === 0xaa,
  );
  await fuzzReader({
    name: "MBR disks",
    image,
    structures: records.map((sector) => ({ kind: "record", start: sector * SECTOR + 440, length: 72 })),
    order: "little",
    read: (bytes) => readDisk(bytes),
    share: 0.03,
  });
});

test("qcow2", async () => {
  await fuzzReader({
    name: "qcow2 images",
    image: smallImage(),
    structures: [
      { kind: "header", start: 0, length: 120 },
      { kind: "first-level table", start: 512, length: 16 },
      { kind: "second-level table", start: 1024, length: 64 },
    ],
    order: "big",
    read: (bytes) => readDisk(bytes, "qcow2"),
    share: 0.04,
  });
});

/** Applies what seals a whole image to the one that is being changed. */
function sealing(seal: (image: Buffer) => void, start: number, length: number): (image: MutableImage) => void {
  return (image) => {
    const copy = Buffer.from(image.bytes.subarray(start, start + length));
    seal(copy);
    image.write(start, copy);
  };
}

test("LVM2, checksums made right again", async () => {
  const striped = ["stripe_count = 2", "stripe_size = 8", 'stripes = ["pv0", 8, "pv0", 12]'];
  const segments = [linear(4, "pv0", 0), { extents: 2, type: "striped", lines: striped }];
  const text = groupText("A", [{ name: "root", segments }]);
  const image = physicalVolume("A", text);
  const ofArea = sealing(sealArea, 0, image.length);
  const numbers = [...text.matchAll(/= (\d+)\n/g)];
  await fuzzReader({
    name: "LVM2 physical volumes",
    image,
    structures: [
      { kind: "label", start: LABEL.start, length: LABEL.size, seal: sealing(sealLabel, 0, image.length) },
      { kind: "metadata area header", start: AREA.start, length: 80, seal: ofArea },
      { kind: "text", start: TEXT_START, length: text.length, seal: ofArea },
      ...numbers.map(({ index, 1: digits = "" }) => ({
        kind: "number in the text",
        start: TEXT_START + index + 2,
        length: digits.length,
        seal: ofArea,
      })),
    ],
    order: "little",
    read: async (bytes) => readSets(await findLogicalVolumes([new MemorySource(bytes)], { limits: defaultLimits })),
    share: 0.06,
  });
});

test.each([
  [0, 0],
  [1, 0],
  [4, 0],
  [5, 2],
  [6, 2],
  [10, 0x102],
])("md level %d, checksums made right again", async (level, layout) => {
  const members = [0, 1, 2].map((position) => arrayMember({ level, layout, position }));
  const starts = members.map((_, index) => index * MEMBER_SIZE);
  await fuzzReader({
    name: `md members of level ${level}`,
    image: Buffer.concat(members),
    structures: starts.map((start) => ({
      kind: "superblock",
      start,
      length: SUPERBLOCK_SIZE,
      seal: sealing(sealMember, start, MEMBER_SIZE),
    })),
    order: "little",
    read: async (bytes) => {
      const parts = starts.map((start) => new MemorySource(bytes.subarray(start, start + MEMBER_SIZE)));
      await readSets(await findArrays(parts, { limits: defaultLimits }));
    },
    share: 0.01,
  });
});

test("LUKS1", async () => {
  await fuzzReader({
    name: "LUKS1 headers",
    image: luks1Image(Buffer.alloc(SECTOR)),
    structures: [
      { kind: "header", start: 0, length: 208 },
      { kind: "key slots", start: 208, length: 96 },
    ],
    order: "big",
    read: async (bytes) => void (await readLuksHeader(new MemorySource(bytes), defaultLimits)),
    share: 0.02,
  });
});

test("LUKS2, checksums made right again", async () => {
  const image = luks2Image(Buffer.alloc(SECTOR));
  const size = Number(image.readBigUInt64BE(8));
  const seal = (mutant: MutableImage, start: number) => {
    const copy = Buffer.from(mutant.bytes.subarray(start, start + size));
    copy.fill(0, 448, 512);
    mutant.write(start + 448, createHash("sha256").update(copy).digest());
  };
  await fuzzReader({
    name: "LUKS2 headers",
    image,
    structures: [0, size].flatMap((start) => [
      { kind: "header", start, length: 272, seal: (mutant: MutableImage) => seal(mutant, start) },
      { kind: "metadata", start: start + 4096, length: 1200, seal: (mutant: MutableImage) => seal(mutant, start) },
    ]),
    order: "big",
    read: async (bytes) => void (await readLuksHeader(new MemorySource(bytes), defaultLimits)),
    share: 0.03,
  });
});
