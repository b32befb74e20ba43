/**
 * Reads the fast commits behind the log: little-endian tag-length-value records, closed by tails with a CRC.
 *
 * Specification: Linux fs/ext4/fast_commit.h and fast_commit.c (ext4_fc_replay_scan).
 */
import { crc32c } from "../../../../bytes/crc32c.ts";
import { Cursor } from "../../../../bytes/cursor.ts";
import { UnsupportedFeatureError } from "../../../../errors.ts";
import type { FastCommitLog, FastCommitOperation } from "./fast-commit-operation.ts";
import type { JournaledFileSystem } from "./journal.ts";
import type { LogReader } from "./log-reader.ts";

const TAG_BASE_SIZE = 4;
const TAG_ADD_RANGE = 1;
const TAG_DEL_RANGE = 2;
const TAG_CREAT = 3;
const TAG_LINK = 4;
const TAG_UNLINK = 5;
const TAG_INODE = 6;
const TAG_PAD = 7;
const TAG_TAIL = 8;
const TAG_HEAD = 9;

const DENTRY_HEADER_SIZE = 8;
const NAME_MAX = 255;
const GOOD_OLD_INODE_SIZE = 128;
const INODE_HEADER_SIZE = 4;
const MAX_WRITTEN_EXTENT = 32768;

/** Whether a value of `length` bytes can belong to the tag. */
function lengthIsValid(tag: number, length: number, inodeSize: number): boolean {
  switch (tag) {
    case TAG_ADD_RANGE:
      return length === 16;
    case TAG_DEL_RANGE:
      return length === 12;
    case TAG_CREAT:
    case TAG_LINK:
    case TAG_UNLINK:
      return length > DENTRY_HEADER_SIZE && length <= DENTRY_HEADER_SIZE + NAME_MAX;
    case TAG_INODE:
      return length >= INODE_HEADER_SIZE + GOOD_OLD_INODE_SIZE && length <= INODE_HEADER_SIZE + inodeSize;
    case TAG_PAD:
      return true;
    case TAG_TAIL:
      return length >= 8;
    case TAG_HEAD:
      return length === 8;
    default:
      return false;
  }
}

function inodeNumber(cursor: Cursor, offset: number, fileSystem: JournaledFileSystem): number {
  const inode = cursor.u32le(offset);
  if (inode === 0 || inode > (fileSystem.inodeCount ?? 0xffffffff)) throw cursor.corrupt(`names inode ${inode}`);
  return inode;
}

function parseAddRange(cursor: Cursor, fileSystem: JournaledFileSystem): FastCommitOperation {
  const stored = cursor.u16le(8);
  const unwritten = stored > MAX_WRITTEN_EXTENT;
  const length = unwritten ? stored - MAX_WRITTEN_EXTENT : stored;
  const physicalBlock = cursor.u16le(10) * 0x1_0000_0000 + cursor.u32le(12);
  const logicalBlock = cursor.u32le(4);
  if (length === 0 || physicalBlock === 0 || physicalBlock + length > fileSystem.blockCount) {
    throw cursor.corrupt(`adds blocks ${physicalBlock}+${length}, which are not the file system's`);
  }
  if (logicalBlock + length > 0x1_0000_0000) throw cursor.corrupt("adds blocks beyond the largest file");
  return {
    kind: "add-range",
    inode: inodeNumber(cursor, 0, fileSystem),
    logicalBlock,
    length,
    physicalBlock,
    unwritten,
  };
}

function parseDeleteRange(cursor: Cursor, fileSystem: JournaledFileSystem): FastCommitOperation {
  const logicalBlock = cursor.u32le(4);
  const length = cursor.u32le(8);
  if (length === 0 || logicalBlock + length > 0x1_0000_0000) {
    throw cursor.corrupt(`deletes logical blocks ${logicalBlock}+${length}`);
  }
  return { kind: "delete-range", inode: inodeNumber(cursor, 0, fileSystem), logicalBlock, length };
}

const DENTRY_KINDS = { [TAG_CREAT]: "create", [TAG_LINK]: "link", [TAG_UNLINK]: "unlink" } as const;

function parseDentry(
  tag: keyof typeof DENTRY_KINDS,
  cursor: Cursor,
  fileSystem: JournaledFileSystem,
): FastCommitOperation {
  const name = Uint8Array.from(cursor.slice(DENTRY_HEADER_SIZE, cursor.length - DENTRY_HEADER_SIZE));
  if (name.includes(0) || name.includes(0x2f)) throw cursor.corrupt("a name holds NUL or slash");
  return {
    kind: DENTRY_KINDS[tag],
    parent: inodeNumber(cursor, 0, fileSystem),
    inode: inodeNumber(cursor, 4, fileSystem),
    name,
  };
}

/** @returns undefined for tags that change nothing */
function parseOperation(tag: number, cursor: Cursor, fileSystem: JournaledFileSystem): FastCommitOperation | undefined {
  switch (tag) {
    case TAG_ADD_RANGE:
      return parseAddRange(cursor, fileSystem);
    case TAG_DEL_RANGE:
      return parseDeleteRange(cursor, fileSystem);
    case TAG_CREAT:
    case TAG_LINK:
    case TAG_UNLINK:
      return parseDentry(tag, cursor, fileSystem);
    case TAG_INODE:
      return {
        kind: "inode",
        inode: inodeNumber(cursor, 0, fileSystem),
        image: Uint8Array.from(cursor.slice(INODE_HEADER_SIZE, cursor.length - INODE_HEADER_SIZE)),
      };
    default:
      return undefined;
  }
}

export interface FastCommitScan extends FastCommitLog {
  /** Whether a tail of this transaction follows whose checksum does not match; records without one are merely old. */
  readonly damaged: boolean;
}

interface PendingRecord {
  readonly tag: number;
  readonly cursor: Cursor;
}

/** Collects records until a tail proves them. */
class FastCommitScanner {
  readonly #fileSystem: JournaledFileSystem;
  readonly #transaction: number;
  readonly #operations: FastCommitOperation[] = [];
  #commits = 0;
  #pending: PendingRecord[] = [];
  #checksum = 0;
  #begun = false;
  #damaged = false;

  constructor(fileSystem: JournaledFileSystem, transaction: number) {
    this.#fileSystem = fileSystem;
    this.#transaction = transaction;
  }

  get result(): FastCommitScan {
    return { commits: this.#commits, operations: this.#operations, damaged: this.#damaged };
  }

  /** @returns false when the fast commits end in this block */
  block(bytes: Uint8Array, byteOffset: number): boolean {
    const cursor = new Cursor(bytes, { format: "jbd2", structure: "fast commit block", byteOffset });
    let offset = 0;
    while (offset <= bytes.length - TAG_BASE_SIZE) {
      const tag = cursor.u16le(offset);
      const length = cursor.u16le(offset + 2);
      const value = offset + TAG_BASE_SIZE;
      if (length > bytes.length - value || !lengthIsValid(tag, length, this.#fileSystem.inodeSize)) return false;
      if (!this.#begun && tag !== TAG_HEAD) return false;
      if (!this.#record(tag, bytes.subarray(offset, value + length), byteOffset + offset)) return false;
      offset = value + length;
    }
    return true;
  }

  /** @returns false when the record does not belong to these fast commits */
  #record(tag: number, record: Uint8Array, byteOffset: number): boolean {
    const structure = `fast commit of transaction ${this.#transaction}`;
    const cursor = new Cursor(record.subarray(TAG_BASE_SIZE), { format: "jbd2", structure, byteOffset });
    if (tag === TAG_TAIL) return this.#tail(record, cursor);
    if (tag === TAG_HEAD) {
      if (cursor.u32le(4) !== this.#transaction) return false;
      const features = cursor.u32le(0);
      if (features !== 0) throw new UnsupportedFeatureError("jbd2", [`fast commit feature 0x${features.toString(16)}`]);
      this.#begun = true;
    }
    this.#checksum = crc32c(this.#checksum, record);
    // The window that these bytes lie in stays as long as a record of it is pending.
    this.#pending.push({ tag, cursor });
    return true;
  }

  #tail(record: Uint8Array, cursor: Cursor): boolean {
    const checksum = crc32c(this.#checksum, record.subarray(0, TAG_BASE_SIZE + 4));
    if (cursor.u32le(0) !== this.#transaction) return false;
    if (cursor.u32le(4) !== checksum) {
      this.#damaged = true;
      return false;
    }
    for (const pending of this.#pending) {
      const operation = parseOperation(pending.tag, pending.cursor, this.#fileSystem);
      if (operation !== undefined) this.#operations.push(operation);
    }
    this.#commits++;
    this.#pending = [];
    this.#checksum = 0;
    return true;
  }
}

/**
 * @param transaction the sequence number behind the last complete transaction of the log
 * @throws CorruptDataError when a record with a valid checksum names what cannot be, UnsupportedFeatureError,
 *         SourceError for failed reads
 */
export async function scanFastCommits(
  log: LogReader,
  fileSystem: JournaledFileSystem,
  transaction: number,
): Promise<FastCommitScan> {
  const scanner = new FastCommitScanner(fileSystem, transaction);
  const area = log.superblock.fastCommits;
  if (area === undefined) return scanner.result;
  for (let block = area.first; block < area.end; block++) {
    if (!scanner.block(await log.read(block), log.byteOffset(block))) break;
  }
  return scanner.result;
}
