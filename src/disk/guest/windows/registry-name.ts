import type { Cursor } from "../../../bytes/cursor.ts";
import { textFromUtf16 } from "../../../bytes/utf16-name.ts";

/** The name of a key or value, at `offset` of its cell. @throws CorruptDataError */
export function readName(cell: Cursor, offset: number, length: number, isLatin1: boolean): string {
  const bytes = cell.slice(offset, length);
  return isLatin1 ? Buffer.from(bytes).toString("latin1") : textFromUtf16(bytes);
}

/** Of a name in upper case, as `lh` lists have it. */
export function nameHash(name: string): number {
  let hash = 0;
  for (let index = 0; index < name.length; index++) hash = (Math.imul(hash, 37) + name.charCodeAt(index)) >>> 0;
  return hash;
}
