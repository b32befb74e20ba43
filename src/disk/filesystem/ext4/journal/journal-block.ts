/**
 * Blocks of the log: descriptor, commit and revoke blocks, big-endian.
 *
 * Specification: Linux Documentation/filesystems/ext4/journal.rst; include/linux/jbd2.h.
 */
import { crc32c } from "../../../../bytes/crc32c.ts";
import { Cursor } from "../../../../bytes/cursor.ts";
import { JBD2_MAGIC, type JournalSuperblock } from "./journal-superblock.ts";

const HEADER_SIZE = 12;
const UUID_SIZE = 16;
const TAIL_SIZE = 4;
const REVOKE_HEADER_SIZE = 16;

const FLAG_ESCAPED = 0x1;
const FLAG_SAME_UUID = 0x2;
const FLAG_LAST = 0x8;

const COMMIT_CHECKSUM_TYPE = 0xc;
const COMMIT_CHECKSUM_SIZE = 0xd;
const COMMIT_CHECKSUM = 0x10;
const COMMIT_SECONDS = 0x30;
const CRC32_CHECKSUM_TYPE = 1;

type JournalBlockKind = "descriptor" | "commit" | "revoke";

const KINDS: Readonly<Record<number, JournalBlockKind>> = { 1: "descriptor", 2: "commit", 5: "revoke" };

/** A control block of the log; `kind` is undefined for what ends the log: no header, or an unknown type. */
export interface JournalBlock {
  readonly kind: JournalBlockKind | undefined;
  readonly sequence: number;
  readonly cursor: Cursor;
}

export function parseJournalBlock(bytes: Uint8Array, byteOffset: number): JournalBlock {
  const cursor = new Cursor(bytes, { format: "jbd2", structure: "log block", byteOffset });
  if (cursor.u32be(0) !== JBD2_MAGIC) return { kind: undefined, sequence: 0, cursor };
  return { kind: KINDS[cursor.u32be(4)], sequence: cursor.u32be(8), cursor };
}

/** Says which file system block the next block of the log is a copy of. */
export interface BlockTag {
  /** File system block. */
  readonly block: number;
  readonly escaped: boolean;
  /** CRC-32C over sequence and data: whole with version 3, its low 16 bits with version 2. */
  readonly checksum: number;
}

/** Bytes of one tag, without the UUID that may follow it. */
function tagSize({ checksumVersion, wideBlockNumbers }: JournalSuperblock): number {
  if (checksumVersion === 3) return 16;
  return (checksumVersion === 2 ? 10 : 8) + (wideBlockNumbers ? 4 : 0);
}

const tailSize = ({ checksumVersion }: JournalSuperblock): number => (checksumVersion >= 2 ? TAIL_SIZE : 0);

/** The tags of a descriptor block, in the order of the log blocks behind it; block numbers are not checked. */
export function parseTags({ cursor }: JournalBlock, superblock: JournalSuperblock): BlockTag[] {
  const size = tagSize(superblock);
  const limit = superblock.blockSize - tailSize(superblock);
  const tags: BlockTag[] = [];
  let offset = HEADER_SIZE;
  while (offset + size <= limit) {
    const flags = cursor.u16be(offset + 6);
    tags.push({
      block: blockNumber(cursor, offset, superblock.wideBlockNumbers),
      escaped: (flags & FLAG_ESCAPED) !== 0,
      checksum: superblock.checksumVersion === 3 ? cursor.u32be(offset + 12) : cursor.u16be(offset + 4),
    });
    offset += size + ((flags & FLAG_SAME_UUID) === 0 ? UUID_SIZE : 0);
    if ((flags & FLAG_LAST) !== 0) break;
  }
  return tags;
}

function blockNumber(cursor: Cursor, offset: number, wide: boolean): number {
  return (wide ? cursor.u32be(offset + 8) : 0) * 0x1_0000_0000 + cursor.u32be(offset);
}

/**
 * The blocks that a revoke block takes back.
 * @throws CorruptDataError when its count does not fit the block
 */
export function parseRevokedBlocks({ cursor }: JournalBlock, superblock: JournalSuperblock): number[] {
  const used = cursor.u32be(HEADER_SIZE);
  if (used > superblock.blockSize - tailSize(superblock)) {
    throw cursor.corrupt(`revoke block claims ${used} bytes of records`);
  }
  const size = superblock.wideBlockNumbers ? 8 : 4;
  const blocks: number[] = [];
  for (let offset = REVOKE_HEADER_SIZE; offset + size <= used; offset += size) {
    blocks.push(superblock.wideBlockNumbers ? cursor.u64be(offset) : cursor.u32be(offset));
  }
  return blocks;
}

/** Seconds since 1970 by the guest's clock when the transaction was committed. */
export function commitSeconds({ cursor }: JournalBlock): bigint {
  return cursor.u64beBig(COMMIT_SECONDS);
}

function checksumWithout(block: JournalBlock, seed: number, offset: number): number {
  const bytes = block.cursor.bytes;
  const register = crc32c(seed, bytes.subarray(0, offset));
  return crc32c(crc32c(register, new Uint8Array(4)), bytes.subarray(offset + 4));
}

/** Whether a descriptor or revoke block's checksum (version 2 and 3, in its last four bytes) matches, or it has none. */
export function tailChecksumMatches(block: JournalBlock, superblock: JournalSuperblock): boolean {
  if (superblock.checksumVersion < 2) return true;
  const offset = superblock.blockSize - TAIL_SIZE;
  return checksumWithout(block, superblock.checksumSeed, offset) === block.cursor.u32be(offset);
}

/**
 * Whether a commit block's checksum matches.
 * @param transactionChecksum CRC-32 over the transaction's descriptor and data blocks, for version 1
 */
export function commitChecksumMatches(
  block: JournalBlock,
  superblock: JournalSuperblock,
  transactionChecksum: number,
): boolean {
  const { cursor } = block;
  const stored = cursor.u32be(COMMIT_CHECKSUM);
  if (superblock.checksumVersion >= 2) {
    return checksumWithout(block, superblock.checksumSeed, COMMIT_CHECKSUM) === stored;
  }
  if (superblock.checksumVersion === 0) return true;
  const type = cursor.u8(COMMIT_CHECKSUM_TYPE);
  const size = cursor.u8(COMMIT_CHECKSUM_SIZE);
  // Commits written before the feature was switched on carry no checksum.
  if (type === 0 && size === 0 && stored === 0) return true;
  return type === CRC32_CHECKSUM_TYPE && size === 4 && stored === transactionChecksum;
}

/** Whether a data block of the log is the one its tag describes (version 2 and 3; true for all others). */
export function dataChecksumMatches(
  data: Uint8Array,
  tag: BlockTag,
  sequence: number,
  superblock: JournalSuperblock,
): boolean {
  if (superblock.checksumVersion < 2) return true;
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, sequence, false);
  const checksum = crc32c(crc32c(superblock.checksumSeed, bytes), data);
  return tag.checksum === (superblock.checksumVersion === 3 ? checksum : checksum & 0xffff);
}
