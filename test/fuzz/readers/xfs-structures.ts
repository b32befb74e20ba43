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
