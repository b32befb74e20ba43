/** Inodes ("XFS Algorithms & Data Structures", chapter "On-disk Inode"; xfs_dinode in xfs_format.h); big-endian. */
import { compareBytes } from "../../../bytes/byte-name.ts";
import { Cursor } from "../../../bytes/cursor.ts";
import type { FileType, NodeStat } from "../file-system.ts";
import { fileTypeOf } from "../file-type.ts";
import { checksumMatches } from "./checksum.ts";
import type { Superblock } from "./superblock.ts";

export const INODE_MAGIC = 0x494e;
export const INODE_CRC = 100;
/** Byte length of the record's core, before its forks. */
const CORE_V2 = 100;
const CORE_V3 = 176;

/** Bits of di_flags. */
const FLAG = { REALTIME: 0x1, IMMUTABLE: 0x8, APPEND: 0x10, NOATIME: 0x40, NODUMP: 0x80 } as const;
/** Bits of di_flags2. */
const FLAG2 = { BIGTIME: 0x8, NREXT64: 0x10 } as const;

const SHOWN_FLAGS: readonly (readonly [number, string])[] = [
  [FLAG.IMMUTABLE, "immutable"],
  [FLAG.APPEND, "append-only"],
  [FLAG.NODUMP, "no-dump"],
  [FLAG.NOATIME, "no-atime"],
];

export type ForkFormat = "device" | "local" | "extents" | "btree";

const FORK_FORMATS: Readonly<Record<number, ForkFormat>> = { 0: "device", 1: "local", 2: "extents", 3: "btree" };

/** Which forms the data of each type can have. */
const DATA_FORMATS: Readonly<Partial<Record<FileType, readonly ForkFormat[]>>> = {
  file: ["extents", "btree"],
  directory: ["local", "extents", "btree"],
  symlink: ["local", "extents"],
};

/** One of an inode's two lists of blocks: its data, or its extended attributes. */
export interface Fork {
  readonly format: ForkFormat;
  /** What the record has for it. */
  readonly bytes: Uint8Array;
  /** How many extents it maps. */
  readonly extents: number;
}

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
  /** Bytes on the disk, attributes and maps included. */
  readonly allocated: number;
  readonly flags: number;
  readonly data: Fork;
  readonly attributes: Fork | undefined;
  /** Nanoseconds since 1970. */
  readonly atime: bigint;
  readonly mtime: bigint;
  readonly ctime: bigint;
  readonly birthtime: bigint | undefined;
}

/** Its content lies on the realtime device. */
export const isRealtime = (inode: Inode): boolean => (inode.flags & FLAG.REALTIME) !== 0;

export interface InodeRecord {
  readonly number: number;
  /** The whole record, `inodeSize` bytes. */
  readonly bytes: Uint8Array;
  readonly byteOffset: number;
}

/** @throws CorruptDataError when the checksum does not match, the inode is not in use or a field is impossible */
export function parseInode({ number, bytes, byteOffset }: InodeRecord, superblock: Superblock): Inode {
  const cursor = new Cursor(bytes, { format: "xfs", structure: `inode ${number}`, byteOffset });
  if (cursor.u16be(0) !== INODE_MAGIC) throw cursor.corrupt("magic number missing");
  const version = cursor.u8(4);
  verifyVersion(cursor, number, version, superblock);
  const modeWord = cursor.u16be(2);
  if (modeWord === 0) throw cursor.corrupt("not in use");
  const type = fileTypeOf(modeWord);
  if (type === undefined) throw cursor.corrupt(`file type ${modeWord >>> 12} is impossible`);
  const flags2 = version === 3 ? cursor.u64beBig(120) : 0n;
  const size = cursor.u64beBig(56);
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw cursor.corrupt(`size ${size} is implausibly large`);
  const forks = parseForks(cursor, { type, version, wideCounts: (flags2 & BigInt(FLAG2.NREXT64)) !== 0n });
  const isBig = (flags2 & BigInt(FLAG2.BIGTIME)) !== 0n;
  // Field by field: a walk does this for every file, and spreading costs several times as much.
  return {
    number,
    type,
    mode: modeWord & 0o7777,
    uid: cursor.u32be(8),
    gid: cursor.u32be(12),
    size: Number(size),
    links: version === 1 ? cursor.u16be(6) : cursor.u32be(16),
    allocated: cursor.u64be(64) * superblock.blockSize,
    flags: cursor.u16be(90),
    data: forks.data,
    attributes: forks.attributes,
    atime: parseTime(cursor, 32, isBig),
    mtime: parseTime(cursor, 40, isBig),
    ctime: parseTime(cursor, 48, isBig),
    birthtime: version === 3 ? parseTime(cursor, 144, isBig) : undefined,
  };
}

function verifyVersion(cursor: Cursor, number: number, version: number, superblock: Superblock): void {
  if (superblock.version === 5 ? version !== 3 : version !== 1 && version !== 2) {
    throw cursor.corrupt(`inode version ${version} in version ${superblock.version} of the format`);
  }
  if (version < 3) return;
  if (!checksumMatches(cursor.bytes, INODE_CRC)) throw cursor.corrupt("checksum does not match");
  if (cursor.u64beBig(152) !== BigInt(number)) throw cursor.corrupt(`says that it is inode ${cursor.u64beBig(152)}`);
  if (compareBytes(cursor.slice(160, 16), superblock.metadataUuid) !== 0)
    throw cursor.corrupt("belongs to another file system");
}

function parseForks(
  cursor: Cursor,
  { type, version, wideCounts }: { type: FileType; version: number; wideCounts: boolean },
): Pick<Inode, "data" | "attributes"> {
  const area = cursor.bytes.subarray(version === 3 ? CORE_V3 : CORE_V2);
  const attributeStart = cursor.u8(82) * 8;
  if (attributeStart >= area.length) throw cursor.corrupt(`attribute fork at ${attributeStart} does not fit`);
  const dataFormat = FORK_FORMATS[cursor.u8(5)];
  const possible = DATA_FORMATS[type] ?? ["device"];
  if (dataFormat === undefined || !possible.includes(dataFormat)) {
    throw cursor.corrupt(`data format ${cursor.u8(5)} is impossible for a ${type}`);
  }
  const data: Fork = {
    format: dataFormat,
    bytes: attributeStart === 0 ? area : area.subarray(0, attributeStart),
    extents: wideCounts ? cursor.u64be(24) : cursor.u32be(76),
  };
  if (attributeStart === 0) return { data, attributes: undefined };
  const format = FORK_FORMATS[cursor.u8(83)];
  if (format === undefined || format === "device")
    throw cursor.corrupt(`attribute format ${cursor.u8(83)} is impossible`);
  const extents = wideCounts ? cursor.u32be(76) : cursor.u16be(80);
  return { data, attributes: { format, bytes: area.subarray(attributeStart), extents } };
}

const NANOSECONDS = 1_000_000_000n;
/** Where 64-bit times count from: 2^31 seconds before 1970. */
const BIGTIME_EPOCH = 2n ** 31n * NANOSECONDS;

function parseTime(cursor: Cursor, offset: number, isBig: boolean): bigint {
  return isBig
    ? cursor.u64beBig(offset) - BIGTIME_EPOCH
    : BigInt(cursor.u32be(offset) | 0) * NANOSECONDS + BigInt(cursor.u32be(offset + 4));
}

/** The device number in the System V form: 14 bits of major, of which Linux takes nine, and 18 of minor. */
function deviceOf({ data }: Inode): { major: number; minor: number } {
  const word = new DataView(data.bytes.buffer, data.bytes.byteOffset, 4).getUint32(0, false);
  return { major: (word >>> 18) & 0x1ff, minor: word & 0x3ffff };
}

export function statOf(inode: Inode): NodeStat {
  const { number, type, mode, uid, gid, size, allocated, links, mtime, atime, ctime, birthtime } = inode;
  const stat: { -readonly [Field in keyof NodeStat]: NodeStat[Field] } = {
    node: number,
    type,
    mode,
    uid,
    gid,
    size,
    allocated,
    links,
    mtime,
    atime,
    ctime,
  };
  if (birthtime !== undefined) stat.birthtime = birthtime;
  if (type === "character-device" || type === "block-device") stat.device = deviceOf(inode);
  const flags = inode.flags === 0 ? [] : SHOWN_FLAGS.filter(([flag]) => (inode.flags & flag) !== 0);
  if (flags.length > 0) stat.flags = flags.map(([, name]) => name);
  return stat;
}
