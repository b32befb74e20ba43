/**
 * Inodes (kernel Documentation/filesystems/ext4/inodes.rst): 128 bytes and, in larger records, the extra
 * fields that i_extra_isize covers, little-endian.
 */
import { crc32c } from "../../../bytes/crc32c.ts";
import { Cursor } from "../../../bytes/cursor.ts";
import { CorruptDataError } from "../../../errors.ts";
import type { FileType, NodeStat } from "../file-system.ts";
import { fileTypeOf } from "../file-type.ts";
import { crc32cWithout, inodeChecksumSeed } from "./checksum.ts";
import { INCOMPAT, RO_COMPAT } from "./features.ts";
import { has, type Superblock } from "./superblock.ts";

export const INODE_FLAG = {
  COMPRESSED: 0x4,
  IMMUTABLE: 0x10,
  APPEND: 0x20,
  NODUMP: 0x40,
  NOATIME: 0x80,
  ENCRYPT: 0x800,
  INDEX: 0x1000,
  HUGE_FILE: 0x40000,
  EXTENTS: 0x80000,
  VERITY: 0x100000,
  EA_INODE: 0x200000,
  INLINE_DATA: 0x10000000,
  CASEFOLD: 0x40000000,
} as const;

/** Flags worth showing, by the words of lsattr's manual. */
const SHOWN_FLAGS: readonly (readonly [number, string])[] = [
  [INODE_FLAG.IMMUTABLE, "immutable"],
  [INODE_FLAG.APPEND, "append-only"],
  [INODE_FLAG.NODUMP, "no-dump"],
  [INODE_FLAG.NOATIME, "no-atime"],
  [INODE_FLAG.COMPRESSED, "compressed"],
  [INODE_FLAG.ENCRYPT, "encrypted"],
  [INODE_FLAG.VERITY, "verity"],
  [INODE_FLAG.CASEFOLD, "casefold"],
];

/** Byte length of i_block: fifteen block numbers, or the root of an extent tree, or inline data. */
export const BLOCK_AREA = { offset: 0x28, length: 60 } as const;
const BASE_SIZE = 128;
const CHECKSUM_LOW = 0x7c;
const CHECKSUM_HIGH = 0x82;
/** What stands for a half of the checksum while it is computed. */
const ZEROS = new Uint8Array(2);

export interface Inode {
  readonly number: number;
  readonly type: FileType;
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes. */
  readonly size: number;
  readonly links: number;
  /** Bytes on the disk. */
  readonly allocated: number;
  readonly flags: number;
  readonly generation: number;
  /** The 60 bytes of i_block. */
  readonly blockArea: Uint8Array;
  /** What follows the extra fields in the record: extended attributes; empty when there is no room. */
  readonly attributeArea: Uint8Array;
  /** Block of further extended attributes; 0 when there is none. */
  readonly attributeBlock: number;
  /** Nanoseconds since 1970. */
  readonly atime: bigint;
  readonly ctime: bigint;
  readonly mtime: bigint;
  readonly birthtime: bigint | undefined;
}

export function inodeHas(inode: Inode, flag: number): boolean {
  return (inode.flags & flag) !== 0;
}

export function inodeCorruption(inode: number, problem: string): CorruptDataError {
  return new CorruptDataError({ format: "ext4", structure: `inode ${inode}` }, problem);
}

export interface InodeRecord {
  readonly number: number;
  /** The whole record, `inodeSize` bytes. */
  readonly bytes: Uint8Array;
  readonly byteOffset?: number;
  /** False for records that were put together in memory: they carry no valid checksum. */
  readonly checksummed: boolean;
}

/**
 * @throws CorruptDataError when the checksum does not match, the inode is not in use or a field is impossible
 */
export function parseInode(record: InodeRecord, superblock: Superblock): Inode {
  const { number, bytes, byteOffset } = record;
  const structure = `inode ${number}`;
  const place = byteOffset === undefined ? { format: "ext4", structure } : { format: "ext4", structure, byteOffset };
  const cursor = new Cursor(bytes, place);
  const extraSize = parseExtraSize(cursor);
  if (record.checksummed) verifyChecksum(cursor, number, extraSize, superblock);
  const modeWord = cursor.u16le(0x0);
  const links = cursor.u16le(0x1a);
  if (modeWord === 0 || links === 0) throw cursor.corrupt("not in use");
  const type = fileTypeOf(modeWord);
  if (type === undefined) throw cursor.corrupt(`file type ${modeWord >>> 12} is impossible`);
  const flags = cursor.u32le(0x20);
  const size = parseSize(cursor, type, superblock);
  // As Linux: extra fields that nobody has claimed are there all the same, but no attributes lie behind them.
  const end = Math.min(BASE_SIZE + (extraSize === 0 ? UNCLAIMED_EXTRA : extraSize), cursor.length);
  return {
    number,
    type,
    mode: modeWord & 0o7777,
    uid: cursor.u16le(0x2) + cursor.u16le(0x78) * 0x10000,
    gid: cursor.u16le(0x18) + cursor.u16le(0x7a) * 0x10000,
    size,
    links,
    allocated: parseAllocated(cursor, flags, superblock) + inlineAllocation(type, flags, size),
    flags,
    generation: cursor.u32le(0x64),
    blockArea: cursor.slice(BLOCK_AREA.offset, BLOCK_AREA.length),
    attributeArea: extraSize === 0 ? NO_BYTES : bytes.subarray(end),
    attributeBlock: cursor.u32le(0x68) + (superblock.createdByHurd ? 0 : cursor.u16le(0x76) * 2 ** 32),
    atime: parseTime(cursor, 0x8, 0x8c, end),
    ctime: parseTime(cursor, 0xc, 0x84, end),
    mtime: parseTime(cursor, 0x10, 0x88, end),
    birthtime: end < 0x94 ? undefined : parseTime(cursor, 0x90, 0x94, end),
  };
}

/** Bytes of extra fields that Linux knows. */
const UNCLAIMED_EXTRA = 32;
const NO_BYTES = new Uint8Array(0);

function parseExtraSize(cursor: Cursor): number {
  if (cursor.length === BASE_SIZE) return 0;
  const extraSize = cursor.u16le(0x80);
  if (extraSize % 4 !== 0 || BASE_SIZE + extraSize > cursor.length) {
    throw cursor.corrupt(`extra size ${extraSize} does not fit`);
  }
  return extraSize;
}

function verifyChecksum(cursor: Cursor, number: number, extraSize: number, superblock: Superblock): void {
  if (superblock.checksumSeed === undefined) return;
  const seed = inodeChecksumSeed(superblock.checksumSeed, number, cursor.u32le(0x64));
  const hasHigh = extraSize >= CHECKSUM_HIGH + 2 - BASE_SIZE;
  const low = crc32c(crc32c(seed, cursor.bytes, 0, CHECKSUM_LOW), ZEROS);
  const behindLow = CHECKSUM_LOW + ZEROS.length;
  const computed = hasHigh
    ? crc32cWithout(low, cursor.bytes, CHECKSUM_HIGH, 2, behindLow)
    : crc32c(low, cursor.bytes, behindLow);
  const stored = cursor.u16le(CHECKSUM_LOW) + (hasHigh ? cursor.u16le(CHECKSUM_HIGH) * 0x10000 : 0);
  if (stored !== (hasHigh ? computed : computed & 0xffff)) throw cursor.corrupt("checksum does not match");
}

function parseSize(cursor: Cursor, type: FileType, superblock: Superblock): number {
  const high = type === "file" || has(superblock.features, "incompat", INCOMPAT.LARGEDIR) ? cursor.u32le(0x6c) : 0;
  const size = high * 2 ** 32 + cursor.u32le(0x4);
  if (!Number.isSafeInteger(size)) throw cursor.corrupt("size is implausibly large");
  return size;
}

function parseAllocated(cursor: Cursor, flags: number, superblock: Superblock): number {
  const low = cursor.u32le(0x1c);
  if (!has(superblock.features, "roCompat", RO_COMPAT.HUGE_FILE)) return low * 512;
  const blocks = low + cursor.u16le(0x74) * 2 ** 32;
  return blocks * ((flags & INODE_FLAG.HUGE_FILE) === 0 ? 512 : superblock.blockSize);
}

/** Inline files count as the sectors they would fill, as the kernel has it, lest archivers take them for holes. */
function inlineAllocation(type: FileType, flags: number, size: number): number {
  return type === "file" && (flags & INODE_FLAG.INLINE_DATA) !== 0 ? Math.ceil(size / 512) * 512 : 0;
}

/**
 * A time as its seconds and, where the fields that end at `end` cover it, an extra word: bits 0 and 1 extend the
 * seconds past 2038, the others are nanoseconds.
 */
function parseTime(cursor: Cursor, secondsOffset: number, extraOffset: number, end: number): bigint {
  const extra = extraOffset + 4 <= end ? cursor.u32le(extraOffset) : 0;
  const seconds = cursor.i32le(secondsOffset) + (extra & 3) * 2 ** 32;
  return BigInt(seconds) * 1_000_000_000n + BigInt(extra >>> 2);
}

/** Device numbers: the first word holds the old 8:8 encoding, else the second the new 12:20 one. */
function deviceOf(inode: Inode): { major: number; minor: number } {
  const view = new DataView(inode.blockArea.buffer, inode.blockArea.byteOffset, 8);
  const old = view.getUint32(0, true);
  if (old !== 0) return { major: (old >>> 8) & 0xff, minor: old & 0xff };
  const device = view.getUint32(4, true);
  return { major: (device & 0xfff00) >>> 8, minor: (device & 0xff) | ((device >>> 12) & 0xfff00) };
}

/** Field by field: a walk spends much of its time here, and spreading costs several times as much. */
export function statOf(inode: Inode): NodeStat {
  const stat: { -readonly [Field in keyof NodeStat]: NodeStat[Field] } = {
    node: inode.number,
    type: inode.type,
    mode: inode.mode,
    uid: inode.uid,
    gid: inode.gid,
    size: inode.size,
    allocated: inode.allocated,
    links: inode.links,
    mtime: inode.mtime,
    atime: inode.atime,
    ctime: inode.ctime,
  };
  if (inode.birthtime !== undefined) stat.birthtime = inode.birthtime;
  if (inode.type === "character-device" || inode.type === "block-device") stat.device = deviceOf(inode);
  const flags = inode.flags === 0 ? [] : SHOWN_FLAGS.filter(([flag]) => inodeHas(inode, flag)).map(([, name]) => name);
  if (flags.length > 0) stat.flags = flags;
  return stat;
}

/** Seed of the checksums in blocks the inode owns; undefined where metadata carries none. */
export function seedOf(inode: Inode, superblock: Superblock): number | undefined {
  const seed = superblock.checksumSeed;
  return seed === undefined ? undefined : inodeChecksumSeed(seed, inode.number, inode.generation);
}
