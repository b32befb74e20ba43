/**
 * Names that a format stores as UTF-16 (FAT, exFAT, NTFS), as the bytes the rest of vmfr deals in: UTF-8, with
 * surrogates that have no partner as the three bytes UTF-8 would give them (WTF-8), so that no two names become one.
 */
import { utf8OrUndefined } from "./byte-name.ts";

const LONE_SURROGATE = /\p{Surrogate}/u;
const ENCODED_SURROGATE = /\xed[\xa0-\xbf][\x80-\xbf]/g;

/** UTF-16, little-endian; an odd last byte is left out. */
export function textFromUtf16(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf16le");
}

/** @param text UTF-16 units as they are stored; surrogates may stand alone */
export function nameFromUtf16(text: string): Uint8Array {
  if (!LONE_SURROGATE.test(text)) return Buffer.from(text, "utf8");
  return Buffer.concat(Array.from(text, encodeCharacter));
}

function encodeCharacter(character: string): Uint8Array {
  const unit = character.charCodeAt(0);
  if (character.length > 1 || !LONE_SURROGATE.test(character)) return Buffer.from(character, "utf8");
  return Uint8Array.of(0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f));
}

/** The way back; undefined for bytes that no UTF-16 name becomes. */
export function utf16FromName(name: Uint8Array): string | undefined {
  const text = utf8OrUndefined(name);
  if (text !== undefined) return text;
  const stored = Buffer.from(name.buffer, name.byteOffset, name.byteLength).toString("latin1");
  let decoded = "";
  let end = 0;
  for (const found of stored.matchAll(ENCODED_SURROGATE)) {
    const between = utf8OrUndefined(Buffer.from(stored.slice(end, found.index), "latin1"));
    if (between === undefined) return undefined;
    const [, second = 0, third = 0] = Buffer.from(found[0], "latin1");
    decoded += between + String.fromCharCode(0xd000 | ((second & 0x3f) << 6) | (third & 0x3f));
    end = found.index + found[0].length;
  }
  const rest = utf8OrUndefined(Buffer.from(stored.slice(end), "latin1"));
  return rest === undefined ? undefined : decoded + rest;
}
