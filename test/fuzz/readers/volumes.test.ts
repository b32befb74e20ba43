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
import { lvmChecksum } from "../../../src/disk/volume/lvm2/checksum.ts";
import { findLogicalVolumes } from "../../../src/disk/volume/lvm2/find-logical-volumes.ts";
import { findArrays } from "../../../src/disk/volume/md/find-arrays.ts";
import { MemorySource } from "../../../src/source/memory-source.ts";
import { sfdisk } from "../../oracle/volume/sfdisk.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { temporaryDirectory } from "../../setup/scratch-directory.ts";
import { allowed, exploreSource } from "./explore.ts";
import { MutableImage } from "./mutable-image.ts";
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

/** A physical volume with one linear, one striped and one mirrored volume, by hand. */
function physicalVolume(): { image: Buffer; text: Structure } {
  const image = Buffer.alloc(256 * KiB);
  const id = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  const text = Buffer.from(`vg {
id = "bbbbbb-bbbb-bbbb-bbbb-bbbb-bbbb-bbbbbb"
seqno = 3
format = "lvm2"
status = ["RESIZEABLE", "READ", "WRITE"]
extent_size = 8
physical_volumes {
pv0 { id = "AAAAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AAAAAA"
pe_start = 256
pe_count = 32 }
}
logical_volumes {
linear { id = "cccccc-cccc-cccc-cccc-cccc-cccc-cccccc"
status = ["READ", "WRITE", "VISIBLE"]
segment_count = 2
segment1 { start_extent = 0
extent_count = 4
type = "striped"
stripe_count = 1
stripes = ["pv0", 0] }
segment2 { start_extent = 4
extent_count = 2
type = "striped"
stripe_count = 2
stripe_size = 8
stripes = ["pv0", 8, "pv0", 12] }
}
}
}
`);
  image.write("LABELONE", 512, "latin1");
  image.writeBigUInt64LE(1n, 520);
  image.writeUInt32LE(32, 532);
  image.write("LVM2 001", 536, "latin1");
  image.write(id, 544, "latin1");
  image.writeBigUInt64LE(BigInt(image.length), 576);
  image.writeBigUInt64LE(BigInt(128 * KiB), 584);
  image.writeBigUInt64LE(4096n, 616);
  image.writeBigUInt64LE(BigInt(64 * KiB), 624);
  image.write(" LVM2 x[5A%r0N*>", 4100, "latin1");
  image.writeUInt32LE(1, 4116);
  image.writeBigUInt64LE(4096n, 4120);
  image.writeBigUInt64LE(BigInt(64 * KiB), 4128);
  image.writeBigUInt64LE(512n, 4136);
  image.writeBigUInt64LE(BigInt(text.length), 4144);
  text.copy(image, 4608);
  image.writeUInt32LE(lvmChecksum(text), 4152);
  image.writeUInt32LE(lvmChecksum(image.subarray(4100, 4608)), 4096);
  image.writeUInt32LE(lvmChecksum(image.subarray(532, 1024)), 528);
  return { image, text: { kind: "text", start: 4608, length: text.length, seal: sealArea } };
}

function sealArea(image: MutableImage): void {
  const length = Number(image.bytes.readBigUInt64LE(4144));
  if (length < 60 * KiB) putU32(image, 4152, lvmChecksum(image.bytes.subarray(4608, 4608 + length)));
  putU32(image, 4096, lvmChecksum(image.bytes.subarray(4100, 4608)));
}

test("LVM2, checksums made right again", async () => {
  const { image, text } = physicalVolume();
  const sealLabel = (mutant: MutableImage) => putU32(mutant, 528, lvmChecksum(mutant.bytes.subarray(532, 1024)));
  const digits = [...image.toString("latin1", text.start, text.start + text.length).matchAll(/= (\d+)\n/g)];
  await fuzzReader({
    name: "LVM2 physical volumes",
    image,
    structures: [
      { kind: "label", start: 512, length: 160, seal: sealLabel },
      { kind: "metadata area header", start: 4096, length: 80, seal: sealArea },
      text,
      // Numbers in the text: one field each.
      ...digits.map(({ index, 1: number = "" }) => ({
        kind: "number",
        start: text.start + index + 2,
        length: number.length,
        seal: sealArea,
      })),
    ],
    order: "little",
    read: async (bytes) => {
      const source = new MemorySource(bytes);
      await readSets(await findLogicalVolumes([source], { limits: defaultLimits }));
    },
    share: 0.06,
  });
});

/** Version 1.1: the superblock is the first thing on the device. */
function arrayMember(level: number, position: number): Buffer {
  const image = Buffer.alloc(192 * KiB);
  image.writeUInt32LE(0xa92b4efc, 0);
  image.writeUInt32LE(1, 4);
  image.fill(0x41, 16, 32);
  image.write("vm:data", 32, "latin1");
  image.writeInt32LE(level, 72);
  image.writeBigUInt64LE(256n, 80);
  image.writeUInt32LE(16, 88);
  image.writeUInt32LE(3, 92);
  image.writeBigUInt64LE(128n, 128);
  image.writeBigUInt64LE(256n, 136);
  image.writeUInt32LE(position, 160);
  image.writeBigUInt64LE(9n, 200);
  image.writeUInt32LE(3, 220);
  for (let role = 0; role < 3; role++) image.writeUInt16LE(role, 256 + role * 2);
  return image;
}

function sealMember(image: MutableImage, start: number): void {
  const length = Math.min(256 + image.bytes.readUInt32LE(start + 220) * 2, 4096);
  let sum = 0;
  for (let at = 0; at + 4 <= length; at += 4) if (at !== 216) sum += image.bytes.readUInt32LE(start + at);
  if (length % 4 === 2) sum += image.bytes.readUInt16LE(start + length - 2);
  putU32(image, start + 216, sum + Math.floor(sum / 0x1_0000_0000));
}

test.each([0, 1, 4, 5, 6, 10])("md level %d, checksums made right again", async (level) => {
  const members = [0, 1, 2].map((position) => arrayMember(level, position));
  if (level === 10) for (const member of members) member.writeUInt32LE(0x102, 76);
  if (level === 5) for (const member of members) member.writeUInt32LE(2, 76);
  const size = members[0]?.length ?? 0;
  const structures = members.map((_, index) => ({
    kind: "superblock",
    start: index * size,
    length: 262,
    seal: (image: MutableImage) => sealMember(image, index * size),
  }));
  await fuzzReader({
    name: `md members of level ${level}`,
    image: sealed(Buffer.concat(members), structures),
    structures,
    order: "little",
    read: async (bytes) => {
      const parts = members.map((_, index) => new MemorySource(bytes.subarray(index * size, (index + 1) * size)));
      await readSets(await findArrays(parts, { limits: defaultLimits }));
    },
    share: 0.01,
  });
});

function sealed(image: Buffer, structures: readonly Structure[]): Buffer {
  const mutable = new MutableImage(image);
  for (const { seal } of structures) seal?.(mutable);
  return mutable.bytes;
}

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
