/** What a directory keeps of a name, whatever the form ("XFS Algorithms & Data Structures", chapter "Directories"). */
import type { Cursor } from "../../../../bytes/cursor.ts";
import type { FileType } from "../../file-system.ts";
import type { Superblock } from "../superblock.ts";
import { inodeOffset } from "../volume.ts";

export interface StoredEntry {
  readonly name: Uint8Array;
  readonly inode: number;
  readonly type: FileType;
  /** Bytes from the start of the structure: where the entry starts, and where the next one does. */
  readonly start: number;
  readonly end: number;
}

/** By the type byte; whiteouts are character devices to all but overlayfs. */
const TYPES: readonly FileType[] = [
  "unknown",
  "file",
  "directory",
  "character-device",
  "block-device",
  "fifo",
  "socket",
  "symlink",
  "character-device",
];

export function entryType(byte: number): FileType {
  return TYPES[byte] ?? "unknown";
}

/** @throws CorruptDataError for names and inode numbers that no kernel writes */
export function checkEntry(cursor: Cursor, name: Uint8Array, inode: number, superblock: Superblock): void {
  if (name.length === 0 || name.includes(0) || name.includes(0x2f)) throw cursor.corrupt("a name is impossible");
  inodeOffset(superblock, inode);
}
