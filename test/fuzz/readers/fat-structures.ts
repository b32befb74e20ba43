/** The structures of FAT and exFAT images whose clusters are single sectors. */
import type { MutableImage } from "./mutable-image.ts";
import type { Structure } from "./mutate.ts";

const SECTOR = 512;
const SLOT = 32;

/** FAT has no checksums but those of long names, which a reader may ignore. */
export function fatStructures(image: Uint8Array): Structure[] {
  const bytes = Buffer.from(image.buffer, image.byteOffset, image.length);
  const table = bytes.readUInt16LE(14) * SECTOR;
  const structures: Structure[] = [
    { kind: "boot sector", start: 0, length: 90 },
    { kind: "allocation table", start: table, length: 512 },
  ];
  for (let start = table + SECTOR; start + SECTOR <= bytes.length; start += SECTOR) {
    if (isDirectory(bytes, start)) structures.push({ kind: "directory", start, length: SECTOR });
  }
  return structures;
}

/** Attribute bytes of the first slots are those of long names, directories and archived files. */
function isDirectory(bytes: Buffer, start: number): boolean {
  return (
    bytes[start] !== 0 && [0x0f, 0x10, 0x20, 0x08].includes(bytes[start + 11] as number) && bytes[start + 12] === 0
  );
}

/** Sum of both formats: turned right by one bit before each byte is added. */
function rotatingSum(bytes: Uint8Array, bits: 16 | 32, skipped: readonly number[]): number {
  let sum = 0;
  for (const [index, byte] of bytes.entries()) {
    if (skipped.includes(index)) continue;
    const rotated = bits === 16 ? (((sum & 1) << 15) | (sum >>> 1)) & 0xffff : ((sum << 31) | (sum >>> 1)) >>> 0;
    sum = (rotated + byte) % 2 ** bits;
  }
  return sum;
}

const BOOT_SECTORS = 11;
/** Flags and percentage in use, which change without the checksum. */
const UNCHECKED = [106, 107, 112];

function bootRegion(start: number): Structure {
  return {
    kind: "boot region",
    start: start + 64,
    length: 56,
    seal: (image) => {
      const sum = Buffer.alloc(4);
      sum.writeUInt32LE(rotatingSum(image.bytes.subarray(start, start + BOOT_SECTORS * SECTOR), 32, UNCHECKED));
      const sector = Buffer.concat(Array.from({ length: SECTOR / 4 }, () => sum));
      image.write(start + BOOT_SECTORS * SECTOR, sector);
    },
  };
}

const FILE_ENTRY = 0x85;

/** A file's entry with those behind it, as many as it says now. */
function sealSet(image: MutableImage, start: number): void {
  const length = (1 + (image.bytes[start + 1] as number)) * SLOT;
  const sum = Buffer.alloc(2);
  sum.writeUInt16LE(rotatingSum(image.bytes.subarray(start, start + length), 16, [2, 3]));
  image.write(start + 2, sum);
}

export function exfatStructures(image: Uint8Array): Structure[] {
  const bytes = Buffer.from(image.buffer, image.byteOffset, image.length);
  const table = bytes.readUInt32LE(80) * SECTOR;
  const heap = bytes.readUInt32LE(88) * SECTOR;
  const structures: Structure[] = [
    bootRegion(0),
    bootRegion(12 * SECTOR),
    { kind: "allocation table", start: table, length: 512 },
  ];
  for (let start = heap; start + SLOT <= bytes.length; start += SLOT) {
    const type = bytes[start] as number;
    const secondary = bytes[start + 1] as number;
    if (type === FILE_ENTRY && secondary >= 2 && secondary <= 18 && bytes[start + SLOT] === 0xc0) {
      const length = (1 + secondary) * SLOT;
      // The next cluster of the directory may lie anywhere.
      if ((start % SECTOR) + length > SECTOR) continue;
      structures.push({ kind: "entry set", start, length, seal: (mutant) => sealSet(mutant, start) });
    } else if ((type === 0x81 || type === 0x82) && bytes.readUInt32LE(start + 20) < 10_000) {
      structures.push({ kind: "bitmap or upcase entry", start, length: SLOT });
    }
  }
  return structures;
}
