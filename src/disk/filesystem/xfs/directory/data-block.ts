/** The blocks that hold a directory's entries ("XFS Algorithms & Data Structures", "Block Directories", "Leaf Directories"). */
import type { Cursor } from "../../../../bytes/cursor.ts";
import { DATA_HEADER, verifyHeader } from "../block-header.ts";
import { VERSION } from "../features.ts";
import { recordsTypes, type Superblock } from "../superblock.ts";
import { nameHash } from "./name-hash.ts";
import { checkEntry, entryType, type StoredEntry } from "./stored-entry.ts";

/** A block that is the whole directory ends with its own hash index; data blocks have none. */
const BLOCK_MAGIC = { 4: 0x58443242, 5: 0x58444233 } as const;
const DATA_MAGIC = { 4: 0x58443244, 5: 0x58444433 } as const;
const HEADER_SIZE = { 4: 16, 5: 64 } as const;
/** Number of index entries, and how many of them are stale. */
const INDEX_TAIL = 8;
const INDEX_ENTRY = 8;
const UNUSED = 0xffff;
const ALIGNMENT = 8;

export interface DataBlockPlace {
  readonly superblock: Superblock;
  readonly byteOffset: number;
  /** The directory's inode. */
  readonly owner: number;
  readonly hasChecksum: boolean;
}

/** @throws CorruptDataError */
export function verifyDataBlock(cursor: Cursor, place: DataBlockPlace): void {
  const format = place.superblock.version === 5 ? 5 : 4;
  const magic = cursor.u32be(0);
  if (magic !== BLOCK_MAGIC[format] && magic !== DATA_MAGIC[format]) throw cursor.corrupt("magic number missing");
  if (format === 5) verifyHeader(cursor, DATA_HEADER, place);
}

/**
 * The entries of a verified block, `.` and `..` left out.
 * @throws CorruptDataError when they do not follow each other without gaps
 */
export function parseDataBlock(cursor: Cursor, superblock: Superblock): StoredEntry[] {
  const format = superblock.version === 5 ? 5 : 4;
  const end = cursor.u32be(0) === BLOCK_MAGIC[format] ? indexStart(cursor) : cursor.length;
  const typeSize = recordsTypes(superblock) ? 1 : 0;
  const entries: StoredEntry[] = [];
  let offset: number = HEADER_SIZE[format];
  while (offset < end) {
    if (cursor.u16be(offset) === UNUSED) {
      offset += unusedLength(cursor, offset, end);
      continue;
    }
    const entry = parseEntry(cursor, offset, typeSize);
    if (entry.end > end || cursor.u16be(entry.end - 2) !== offset)
      throw cursor.corrupt(`entry at ${offset} is damaged`);
    checkEntry(cursor, entry.name, entry.inode, superblock);
    if (!isDotName(entry.name)) entries.push(entry);
    offset = entry.end;
  }
  return entries;
}

/**
 * Entries that the block's own index does not know: their names have changed since. Of version 4 alone; in version 5 the
 * checksum says so. Data blocks have no index of their own.
 * @param entries of `parseDataBlock`
 */
export function notIndexed(cursor: Cursor, entries: readonly StoredEntry[], superblock: Superblock): StoredEntry[] {
  const ignoresCase = (superblock.features.version & VERSION.BORG) !== 0;
  if (superblock.version === 5 || ignoresCase || cursor.u32be(0) !== BLOCK_MAGIC[4]) return [];
  const known = new Set<string>();
  for (let at = indexStart(cursor); at < cursor.length - INDEX_TAIL; at += INDEX_ENTRY) {
    known.add(`${cursor.u32be(at)} at ${cursor.u32be(at + 4) * ALIGNMENT}`);
  }
  return entries.filter(({ name, start }) => !known.has(`${nameHash(name)} at ${start}`));
}

/** The one entry at an offset that an index gives. @throws CorruptDataError when none starts there */
export function entryAt(cursor: Cursor, offset: number, superblock: Superblock): StoredEntry {
  const entry = parseEntry(cursor, offset, recordsTypes(superblock) ? 1 : 0);
  if (cursor.u16be(offset) === UNUSED || cursor.u16be(entry.end - 2) !== offset) {
    throw cursor.corrupt(`no entry at ${offset}`);
  }
  checkEntry(cursor, entry.name, entry.inode, superblock);
  return entry;
}

function parseEntry(cursor: Cursor, offset: number, typeSize: number): StoredEntry {
  const nameLength = cursor.u8(offset + 8);
  const typeAt = offset + 9 + nameLength;
  return {
    name: cursor.slice(offset + 9, nameLength),
    inode: cursor.u64be(offset),
    type: typeSize === 0 ? "unknown" : entryType(cursor.u8(typeAt)),
    start: offset,
    // The last two bytes repeat the entry's offset.
    end: offset + Math.ceil((9 + nameLength + typeSize + 2) / ALIGNMENT) * ALIGNMENT,
  };
}

function unusedLength(cursor: Cursor, offset: number, end: number): number {
  const length = cursor.u16be(offset + 2);
  const fits = length >= ALIGNMENT && length % ALIGNMENT === 0 && offset + length <= end;
  if (!fits || cursor.u16be(offset + length - 2) !== offset) throw cursor.corrupt(`free space at ${offset} is damaged`);
  return length;
}

function indexStart(cursor: Cursor): number {
  const start = cursor.length - INDEX_TAIL - cursor.u32be(cursor.length - INDEX_TAIL) * INDEX_ENTRY;
  if (start < 0) throw cursor.corrupt("its index does not fit");
  return start;
}

function isDotName(name: Uint8Array): boolean {
  return name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e));
}
