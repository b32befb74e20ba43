/** Directory entries and what fills a directory's blocks (kernel Documentation/filesystems/ext4/directory.rst). */
import { crc32c } from "../../../bytes/crc32c.ts";
import type { Cursor } from "../../../bytes/cursor.ts";
import type { FileType } from "../file-system.ts";

const HEADER_SIZE = 8;
const SMALLEST_ENTRY = 12;
const TAIL_SIZE = 12;
const TAIL_TYPE = 0xde;

const TYPES: readonly FileType[] = [
  "unknown",
  "file",
  "directory",
  "character-device",
  "block-device",
  "fifo",
  "socket",
  "symlink",
];

export interface StoredEntry {
  readonly inode: number;
  /** As stored: ciphertext in an encrypted directory. */
  readonly name: Uint8Array;
  readonly type: FileType;
  /** Where the next entry starts, in bytes from the start of the piece. */
  readonly end: number;
  /** The two words stored behind the name in encrypted casefolded directories. */
  readonly storedHash?: readonly [number, number];
}

export interface EntryRules {
  readonly inodeCount: number;
  /** The byte behind the name's length holds the file type (feature filetype); else it is the length's high byte. */
  readonly recordsTypes: boolean;
  /** Entries carry their hash behind the name: directories that are both encrypted and casefolded. */
  readonly recordsHashes: boolean;
}

/** Blocks of 64 KiB need lengths that sixteen bits do not hold: there the two low bits count 64 KiB. */
function decodeLength(coded: number, blockSize: number): number {
  if (blockSize < 0x10000) return coded;
  if (coded === 0xffff || coded === 0) return blockSize;
  return (coded & 0xfffc) | ((coded & 3) << 16);
}

/**
 * The entries in use of one piece (a block, or one of the two parts of an inline directory), without `.` and
 * `..`. Unused space, the checksum tail and the index nodes of hash trees are entries of inode 0 to this format.
 * @throws CorruptDataError when the chain of lengths, a name or an inode number is impossible
 */
export function parseEntries(cursor: Cursor, rules: EntryRules): StoredEntry[] {
  const entries: StoredEntry[] = [];
  let offset = 0;
  while (offset < cursor.length) {
    const inode = cursor.u32le(offset);
    const length = decodeLength(cursor.u16le(offset + 4), cursor.length);
    const end = offset + length;
    const nameLength = rules.recordsTypes ? cursor.u8(offset + 6) : cursor.u16le(offset + 6);
    checkExtent(cursor, offset, length, nameLength);
    if (inode !== 0) {
      if (inode > rules.inodeCount)
        throw cursor.corrupt(`entry at ${offset} names inode ${inode} of ${rules.inodeCount}`);
      if (nameLength === 0 || nameLength > 255)
        throw cursor.corrupt(`entry at ${offset} has a name of ${nameLength} bytes`);
      const name = cursor.slice(offset + HEADER_SIZE, nameLength);
      if (!isDotOrDotDot(name)) {
        const type = rules.recordsTypes ? (TYPES[cursor.u8(offset + 7)] ?? "unknown") : "unknown";
        const entry = { inode, name: new Uint8Array(name), type, end };
        if (!rules.recordsHashes) entries.push(entry);
        else entries.push({ ...entry, storedHash: storedHash(cursor, offset + HEADER_SIZE + nameLength, end) });
      }
    }
    offset = end;
  }
  return entries;
}

function checkExtent(cursor: Cursor, offset: number, length: number, nameLength: number): void {
  const rest = cursor.length - offset - length;
  const needed = HEADER_SIZE + nameLength;
  if (
    length < SMALLEST_ENTRY ||
    length % 4 !== 0 ||
    length < needed ||
    rest < 0 ||
    (rest > 0 && rest < SMALLEST_ENTRY)
  ) {
    throw cursor.corrupt(`entry at ${offset} has an impossible length of ${length}`);
  }
}

function isDotOrDotDot(name: Uint8Array): boolean {
  return name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e));
}

function storedHash(cursor: Cursor, behindName: number, end: number): [number, number] {
  const offset = Math.ceil(behindName / 4) * 4;
  if (offset + 8 > end) throw cursor.corrupt(`entry ending at ${end} has no room for its hash`);
  return [cursor.u32le(offset), cursor.u32le(offset + 4)];
}

/**
 * @param seed of the directory's inode
 * @throws CorruptDataError when the block has no checksum tail or it does not match
 */
export function verifyLeaf(cursor: Cursor, seed: number): void {
  const tail = cursor.length - TAIL_SIZE;
  const isTail =
    cursor.u32le(tail) === 0 && cursor.u16le(tail + 4) === TAIL_SIZE && cursor.u16le(tail + 6) === TAIL_TYPE << 8;
  if (!isTail) throw cursor.corrupt("checksum missing");
  if (crc32c(seed, cursor.bytes, 0, tail) !== cursor.u32le(tail + 8)) throw cursor.corrupt("checksum does not match");
}
