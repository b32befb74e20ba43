/** The list of extended attributes in an inode or in a block (kernel Documentation/filesystems/ext4/attributes.rst). */
import type { Cursor } from "../../../bytes/cursor.ts";

const ENTRY_HEADER = 16;

export interface AttributeEntry {
  /** Which namespace the name belongs to. */
  readonly index: number;
  /** Without its namespace. */
  readonly name: Uint8Array;
  readonly valueSize: number;
  /** The value, or the inode that holds it. */
  readonly value: Uint8Array | { readonly inode: number };
  readonly hash: number;
}

/**
 * @param first where the first entry starts
 * @param base what value offsets count from
 * @throws CorruptDataError when entries or values leave the structure or overlap
 */
export function parseAttributeEntries(cursor: Cursor, first: number, base: number): AttributeEntry[] {
  const entries: AttributeEntry[] = [];
  const listEnd = findListEnd(cursor, first);
  for (let offset = first; offset < listEnd; offset += entryLength(cursor, offset)) {
    const valueInode = cursor.u32le(offset + 4);
    const valueSize = cursor.u32le(offset + 8);
    const valueOffset = base + cursor.u16le(offset + 2);
    const inside = valueInode === 0 && valueSize > 0;
    if (inside && (valueOffset < listEnd + 4 || valueOffset + valueSize > cursor.length)) {
      throw cursor.corrupt(`attribute value at ${valueOffset} does not fit`);
    }
    entries.push({
      index: cursor.u8(offset + 1),
      name: new Uint8Array(cursor.slice(offset + ENTRY_HEADER, cursor.u8(offset))),
      valueSize,
      value: valueInode === 0 ? cursor.slice(inside ? valueOffset : 0, valueSize) : { inode: valueInode },
      hash: cursor.u32le(offset + 12),
    });
  }
  return entries;
}

function entryLength(cursor: Cursor, offset: number): number {
  return ENTRY_HEADER + Math.ceil(cursor.u8(offset) / 4) * 4;
}

/** Four zero bytes end the list; a list that fills its room to the last byte has none. */
function findListEnd(cursor: Cursor, first: number): number {
  let offset = first;
  while (offset + 4 <= cursor.length && cursor.u32le(offset) !== 0) offset += entryLength(cursor, offset);
  if (offset > cursor.length) throw cursor.corrupt(`attribute list leaves its ${cursor.length} bytes`);
  return offset;
}
