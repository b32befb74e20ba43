/** A directory inside its inode ("XFS Algorithms & Data Structures", section "Short Form Directories"). */
import type { Cursor } from "../../../../bytes/cursor.ts";
import { recordsTypes, type Superblock } from "../superblock.ts";
import { checkEntry, entryType, type StoredEntry } from "./stored-entry.ts";

/** Name length and the offset the entry would have in a block. */
const ENTRY_HEADER = 3;

/**
 * @param size of the directory in bytes, as its inode says
 * @throws CorruptDataError when the entries do not fill exactly that
 */
export function parseShortForm(cursor: Cursor, size: number, superblock: Superblock): StoredEntry[] {
  const count = cursor.u8(0);
  // As soon as one number needs eight bytes, all of them have eight, the parent's as well.
  const wide = cursor.u8(1) > 0;
  const typeSize = recordsTypes(superblock) ? 1 : 0;
  const entries: StoredEntry[] = [];
  let offset = wide ? 10 : 6;
  for (let index = 0; index < count; index++) {
    const nameEnd = offset + ENTRY_HEADER + cursor.u8(offset);
    const name = cursor.slice(offset + ENTRY_HEADER, cursor.u8(offset));
    const numberAt = nameEnd + typeSize;
    const inode = wide ? cursor.u64be(numberAt) : cursor.u32be(numberAt);
    checkEntry(cursor, name, inode, superblock);
    const end = numberAt + (wide ? 8 : 4);
    const type = typeSize === 0 ? "unknown" : entryType(cursor.u8(nameEnd));
    entries.push({ name, inode, type, start: offset, end });
    offset = end;
  }
  if (offset !== size) throw cursor.corrupt(`${count} entries take ${offset} bytes, not ${size}`);
  return entries;
}
