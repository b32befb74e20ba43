/** The structures of an XFS version 5 image, told by their magic numbers, and how each is sealed. */
import { crc32c } from "../../../src/bytes/crc32c.ts";
import type { MutableImage } from "./mutable-image.ts";
import type { Structure } from "./mutate.ts";

/** Where the checksum lies, and how many bytes it covers: a sector, an inode or a block. */
interface Sealed {
  readonly kind: string;
  readonly field: number;
  readonly unit: "sector" | "inode" | "block" | "directory block";
}

const AT_START: Readonly<Record<string, Sealed>> = {
  XFSB: { kind: "superblock", field: 224, unit: "sector" },
  XAGF: { kind: "free space header", field: 216, unit: "sector" },
  XAGI: { kind: "inode header", field: 312, unit: "sector" },
  IAB3: { kind: "inode tree block", field: 52, unit: "block" },
  FIB3: { kind: "inode tree block", field: 52, unit: "block" },
  BMA3: { kind: "extent tree block", field: 64, unit: "block" },
  XDB3: { kind: "directory block", field: 4, unit: "directory block" },
  XDD3: { kind: "directory block", field: 4, unit: "directory block" },
  XSLM: { kind: "link target", field: 12, unit: "block" },
  XARM: { kind: "attribute value", field: 12, unit: "block" },
};
const TREE: Readonly<Record<number, Sealed>> = {
  [0x3df1]: { kind: "directory leaf", field: 12, unit: "directory block" },
  [0x3dff]: { kind: "directory leaf", field: 12, unit: "directory block" },
  [0x3bee]: { kind: "attribute leaf", field: 12, unit: "block" },
};
const SECTOR = 512;

function sealAt(start: number, length: number, field: number): (image: MutableImage) => void {
  return (image) => {
    const copy = Buffer.from(image.bytes.subarray(start, start + length));
    copy.fill(0, field, field + 4);
    copy.writeUInt32LE(~crc32c(0xffffffff, copy) >>> 0, field);
    image.write(start + field, copy.subarray(field, field + 4));
  };
}

function recognise(bytes: Buffer, at: number): Sealed | undefined {
  const magic = bytes.toString("latin1", at, at + 4);
  if (magic.startsWith("IN") && bytes[at + 4] === 3) return { kind: "inode", field: 100, unit: "inode" };
  return AT_START[magic] ?? TREE[bytes.readUInt16BE(at + 8)];
}

/** Inodes that were never used are left out; there are many. */
const isUsed = (bytes: Buffer, at: number): boolean => bytes.readUInt16BE(at + 2) !== 0;

/** @param log bytes where the log lies, which is no place for these */
export function xfsStructures(
  image: Uint8Array,
  log: { readonly start: number; readonly length: number },
): Structure[] {
  const bytes = Buffer.from(image.buffer, image.byteOffset, image.length);
  const block = bytes.readUInt32BE(4);
  const units = {
    sector: SECTOR,
    inode: bytes.readUInt16BE(104),
    block,
    "directory block": block << (bytes[192] as number),
  };
  const structures: Structure[] = [];
  for (let start = 0; start < bytes.length; start += SECTOR) {
    if (start >= log.start && start < log.start + log.length) continue;
    const found = recognise(bytes, start);
    if (found === undefined || start % Math.min(block, units[found.unit]) !== 0) continue;
    if (found.kind === "inode" && !isUsed(bytes, start)) continue;
    const length = units[found.unit];
    structures.push({ kind: found.kind, start, length, seal: sealAt(start, length, found.field) });
  }
  return structures;
}

const RECORD_MAGIC = 0xfeedbabe;
/** Bytes of a record's header that its checksum covers. */
const RECORD_HEADER = 328;
const RECORD_CHECKSUM = 32;
/** Records that need further headers are left alone. */
const MOST_DATA = 32 * 1024;

/** As it stands in the header: little-endian, over header and data. */
function recordChecksum(bytes: Buffer, start: number): Buffer {
  const length = Math.min(bytes.readUInt32BE(start + 12), MOST_DATA);
  const header = Buffer.from(bytes.subarray(start, start + RECORD_HEADER));
  header.fill(0, RECORD_CHECKSUM, RECORD_CHECKSUM + 4);
  const data = bytes.subarray(start + SECTOR, start + SECTOR + length);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(~crc32c(crc32c(0xffffffff, header), data) >>> 0);
  return checksum;
}

/** Headers and operations of the records in a log. */
export function xfsLogStructures(
  image: Uint8Array,
  log: { readonly start: number; readonly length: number },
): Structure[] {
  const bytes = Buffer.from(image.buffer, image.byteOffset, image.length);
  const structures: Structure[] = [];
  for (let start = log.start; start < log.start + log.length; start += SECTOR) {
    const length = bytes.readUInt32BE(start + 12);
    if (bytes.readUInt32BE(start) !== RECORD_MAGIC || length > MOST_DATA) continue;
    // What wraps around lies in two parts.
    if (start + SECTOR + length > log.start + log.length) continue;
    const field = start + RECORD_CHECKSUM;
    // The log is a ring: newer records lie over parts of old ones.
    if (!recordChecksum(bytes, start).equals(bytes.subarray(field, field + 4))) continue;
    const seal = (mutant: MutableImage) => mutant.write(field, recordChecksum(mutant.bytes, start));
    structures.push({ kind: "record header", start, length: RECORD_HEADER, seal });
    for (let at = start + SECTOR; at + SECTOR <= start + SECTOR + length; at += SECTOR)
      structures.push({ kind: "operations", start: at, length: SECTOR, seal });
  }
  return structures;
}
