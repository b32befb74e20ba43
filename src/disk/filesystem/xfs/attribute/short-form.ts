import type { Cursor } from "../../../../bytes/cursor.ts";
import type { StoredAttribute } from "./stored-attribute.ts";

const HEADER_SIZE = 4;
const ENTRY_HEADER = 3;

/** Attributes inside the inode. @throws CorruptDataError when they do not fit */
export function parseShortAttributes(cursor: Cursor): StoredAttribute[] {
  const end = cursor.u16be(0);
  if (end < HEADER_SIZE || end > cursor.length) throw cursor.corrupt(`${end} bytes do not fit`);
  const attributes: StoredAttribute[] = [];
  let offset = HEADER_SIZE;
  for (let index = cursor.u8(2); index > 0; index--) {
    const nameLength = cursor.u8(offset);
    const valueLength = cursor.u8(offset + 1);
    const name = cursor.slice(offset + ENTRY_HEADER, nameLength);
    const value = cursor.slice(offset + ENTRY_HEADER + nameLength, valueLength);
    if (nameLength === 0) throw cursor.corrupt("a name is empty");
    attributes.push({ flags: cursor.u8(offset + 2), name, value });
    offset += ENTRY_HEADER + nameLength + valueLength;
  }
  if (offset > end) throw cursor.corrupt("its entries leave it");
  return attributes;
}
