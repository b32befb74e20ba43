import { type CodePage, decodeCodePage } from "./code-page.ts";

/** Bytes: eight of the base, three of the extension, both padded with spaces. */
export const SHORT_NAME_SIZE = 11;

const BASE_SIZE = 8;
const SPACE = 0x20;
const DELETED = 0xe5;
/** Stands for a name that begins with the byte that means "deleted". */
const ESCAPED_DELETED = 0x05;
/** Windows NT keeps names that are lower-case throughout, base and extension each by itself, without a long name. */
const LOWER_BASE = 0x08;
const LOWER_EXTENSION = 0x10;

/**
 * The name as Windows and Linux show it, as UTF-16; empty when nothing but spaces is stored. Spaces within a part
 * belong to it; a zero ends it.
 * @param stored eleven bytes
 * @param caseFlags byte 12 of the directory entry
 */
export function shortName(stored: Uint8Array, caseFlags: number, codePage: CodePage): string {
  const bytes = unescaped(stored);
  const base = decodePart(bytes.subarray(0, BASE_SIZE), (caseFlags & LOWER_BASE) !== 0, codePage);
  const extension = decodePart(bytes.subarray(BASE_SIZE), (caseFlags & LOWER_EXTENSION) !== 0, codePage);
  return extension === "" ? base : `${base}.${extension}`;
}

/** A copy: what was read may be shared. */
function unescaped(stored: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(stored);
  if (bytes[0] === ESCAPED_DELETED) bytes[0] = DELETED;
  return bytes;
}

function decodePart(bytes: Uint8Array, lower: boolean, codePage: CodePage): string {
  // Linux and mtools take a zero, which no name may hold, for the part's end.
  const zero = bytes.indexOf(0);
  let end = zero < 0 ? bytes.length : zero;
  while (end > 0 && bytes[end - 1] === SPACE) end--;
  const text = decodeCodePage(bytes.subarray(0, end), codePage);
  return lower ? text.toLowerCase() : text;
}

/** Label of the volume as it stands in the root directory or the boot sector. */
export function volumeLabel(stored: Uint8Array, codePage: CodePage): string {
  const bytes = unescaped(stored);
  return decodePart(bytes, false, codePage);
}

/** Ties the pieces of a long name to the short name behind them. */
export function shortNameChecksum(stored: Uint8Array): number {
  let sum = 0;
  for (const byte of stored.subarray(0, SHORT_NAME_SIZE)) sum = ((((sum & 1) << 7) | (sum >> 1)) + byte) & 0xff;
  return sum;
}
