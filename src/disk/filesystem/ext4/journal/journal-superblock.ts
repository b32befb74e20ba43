/**
 * The journal's own superblock: first block of the journal inode, big-endian.
 *
 * Specification: Linux Documentation/filesystems/ext4/journal.rst, "Super Block"; include/linux/jbd2.h.
 */
import { crc32c } from "../../../../bytes/crc32c.ts";
import { Cursor } from "../../../../bytes/cursor.ts";
import { UnsupportedFeatureError } from "../../../../errors.ts";

export const JBD2_MAGIC = 0xc03b3998;

/** Bytes of the superblock that its checksum covers. */
const SUPERBLOCK_SIZE = 1024;
const CHECKSUM_OFFSET = 0xfc;
const SUPERBLOCK_V1 = 3;
const SUPERBLOCK_V2 = 4;
const CRC32C_CHECKSUM_TYPE = 4;

const COMPAT_CHECKSUM = 0x1;
const INCOMPAT_REVOKE = 0x1;
const INCOMPAT_64BIT = 0x2;
const INCOMPAT_ASYNC_COMMIT = 0x4;
const INCOMPAT_CSUM_V2 = 0x8;
const INCOMPAT_CSUM_V3 = 0x10;
const INCOMPAT_FAST_COMMIT = 0x20;
const KNOWN_INCOMPAT =
  INCOMPAT_REVOKE | INCOMPAT_64BIT | INCOMPAT_ASYNC_COMMIT | INCOMPAT_CSUM_V2 | INCOMPAT_CSUM_V3 | INCOMPAT_FAST_COMMIT;

/** A journal without an own figure keeps this many blocks for fast commits. */
const DEFAULT_FAST_COMMIT_BLOCKS = 256;
/** Fewer blocks than this stay reserved for full commits whatever the figure says. */
const MINIMUM_LOG_BLOCKS = 1024;

export interface JournalSuperblock {
  /** Bytes. */
  readonly blockSize: number;
  /** First block of the log. */
  readonly first: number;
  /** Block behind the log's last; the log wraps from here to `first`. */
  readonly end: number;
  /** Sequence number of the oldest transaction in the log. */
  readonly sequence: number;
  /** Block where it begins; 0 when the log is empty. */
  readonly start: number;
  /** Error number a kernel recorded when it gave the journal up; 0 for none. */
  readonly errno: number;
  readonly wideBlockNumbers: boolean;
  readonly asyncCommit: boolean;
  /** 1: CRC-32 over a transaction in its commit block; 2 and 3: CRC-32C in every block and tag; 0: none. */
  readonly checksumVersion: 0 | 1 | 2 | 3;
  /** CRC-32C register that every checksum of version 2 and 3 begins with. */
  readonly checksumSeed: number;
  /** Blocks of fast commits, when the journal has them. */
  readonly fastCommits?: { readonly first: number; readonly end: number };
}

function checksumVersion(cursor: Cursor, compat: number, incompat: number): 0 | 1 | 2 | 3 {
  const v1 = (compat & COMPAT_CHECKSUM) !== 0;
  const v2 = (incompat & INCOMPAT_CSUM_V2) !== 0;
  const v3 = (incompat & INCOMPAT_CSUM_V3) !== 0;
  if (Number(v1) + Number(v2) + Number(v3) > 1) throw cursor.corrupt("claims more than one kind of checksum");
  if (v1) return 1;
  if (!(v2 || v3)) return 0;
  if (cursor.u8(0x50) !== CRC32C_CHECKSUM_TYPE) throw cursor.corrupt(`unknown checksum type ${cursor.u8(0x50)}`);
  verifyChecksum(cursor);
  return v2 ? 2 : 3;
}

function verifyChecksum(cursor: Cursor): void {
  const covered = Uint8Array.from(cursor.slice(0, SUPERBLOCK_SIZE));
  covered.fill(0, CHECKSUM_OFFSET, CHECKSUM_OFFSET + 4);
  if (crc32c(0xffffffff, covered) !== cursor.u32be(CHECKSUM_OFFSET)) throw cursor.corrupt("checksum does not match");
}

/** Splits the journal into the log and, behind it, the area of fast commits; one block between them stays unused. */
function layout(cursor: Cursor, length: number, incompat: number): Pick<JournalSuperblock, "end" | "fastCommits"> {
  if ((incompat & INCOMPAT_FAST_COMMIT) === 0) return { end: length };
  const reserved = cursor.u32be(0x54) || DEFAULT_FAST_COMMIT_BLOCKS;
  if (length - reserved < MINIMUM_LOG_BLOCKS) return { end: length };
  const end = length - reserved;
  return { end, fastCommits: { first: end + 1, end: length } };
}

/**
 * @param bytes at least the first 1024 bytes of the journal
 * @param journalSize bytes of the journal inode
 * @throws CorruptDataError when it contradicts itself, the file system's block size or its checksum,
 *         UnsupportedFeatureError naming incompatible features that are not known
 */
export function parseJournalSuperblock(bytes: Uint8Array, blockSize: number, journalSize: number): JournalSuperblock {
  const cursor = new Cursor(bytes, { format: "jbd2", structure: "journal superblock", byteOffset: 0 });
  if (cursor.u32be(0) !== JBD2_MAGIC) throw cursor.corrupt("magic number is missing");
  const type = cursor.u32be(4);
  if (type !== SUPERBLOCK_V1 && type !== SUPERBLOCK_V2) throw cursor.corrupt(`block type is ${type}`);
  if (cursor.u32be(0xc) !== blockSize) {
    throw cursor.corrupt(`block size ${cursor.u32be(0xc)} is not the file system's ${blockSize}`);
  }
  const length = cursor.u32be(0x10);
  if (length * blockSize > journalSize) throw cursor.corrupt(`claims ${length} blocks, more than the journal has`);
  const version2 = type === SUPERBLOCK_V2;
  const compat = version2 ? cursor.u32be(0x24) : 0;
  const incompat = version2 ? cursor.u32be(0x28) : 0;
  refuseUnknownFeatures(incompat, version2 ? cursor.u32be(0x2c) : 0);
  const checksum = checksumVersion(cursor, compat, incompat);
  const superblock: JournalSuperblock = {
    blockSize,
    first: cursor.u32be(0x14),
    ...layout(cursor, length, incompat),
    sequence: cursor.u32be(0x18),
    start: cursor.u32be(0x1c),
    errno: cursor.u32be(0x20) | 0,
    wideBlockNumbers: (incompat & INCOMPAT_64BIT) !== 0,
    asyncCommit: (incompat & INCOMPAT_ASYNC_COMMIT) !== 0,
    checksumVersion: checksum,
    checksumSeed: checksum >= 2 ? crc32c(0xffffffff, cursor.slice(0x30, 16)) : 0,
  };
  const { first, start, end } = superblock;
  if (first === 0 || first >= end) throw cursor.corrupt(`first log block ${first} lies outside the journal`);
  if (start !== 0 && (start < first || start >= end)) throw cursor.corrupt(`log start ${start} lies outside the log`);
  return superblock;
}

function refuseUnknownFeatures(incompat: number, readOnlyCompat: number): void {
  const unknown = incompat & ~KNOWN_INCOMPAT;
  if (unknown !== 0) throw new UnsupportedFeatureError("jbd2", [`incompatible feature 0x${unknown.toString(16)}`]);
  if (readOnlyCompat !== 0) {
    throw new UnsupportedFeatureError("jbd2", [`read-only compatible feature 0x${readOnlyCompat.toString(16)}`]);
  }
}
