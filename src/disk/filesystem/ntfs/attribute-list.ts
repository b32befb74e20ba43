/** $ATTRIBUTE_LIST: where the attributes lie that did not fit a file's first record (libfsntfs, "The attribute list"). */
import { Cursor } from "../../../bytes/cursor.ts";
import type { FileReference } from "./file-record.ts";
import { parseReference, recordPlace } from "./file-record.ts";
import { utf16Text } from "./utf16-name.ts";

/** Windows' own limit, in bytes. */
export const LONGEST_LIST = 256 * 1024;
const ENTRY_HEADER = 0x1a;

export interface ListedAttribute {
  readonly type: number;
  readonly name: string;
  readonly firstVcn: number;
  readonly reference: FileReference;
  readonly instance: number;
}

/** @throws CorruptDataError */
export function parseAttributeList(bytes: Uint8Array, number: number): ListedAttribute[] {
  const place = recordPlace(number);
  const cursor = new Cursor(bytes, { ...place, structure: `${place.structure}, attribute list` });
  const listed: ListedAttribute[] = [];
  for (let offset = 0; offset < cursor.length; ) {
    const length = cursor.u16le(offset + 4);
    const nameLength = cursor.u8(offset + 6) * 2;
    const nameOffset = cursor.u8(offset + 7);
    if (length < ENTRY_HEADER || length % 8 !== 0 || (nameLength > 0 && nameOffset + nameLength > length)) {
      throw cursor.corrupt(`entry at ${offset}: length ${length}`);
    }
    listed.push({
      type: cursor.u32le(offset),
      name: nameLength === 0 ? "" : utf16Text(cursor.slice(offset + nameOffset, nameLength)),
      firstVcn: cursor.u64le(offset + 8),
      reference: parseReference(cursor, offset + 16),
      instance: cursor.u16le(offset + 24),
    });
    offset += length;
  }
  return listed;
}
