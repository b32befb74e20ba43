/**
 * NTFS names are UTF-16 code units, any of them: also halves of surrogate pairs. Inside this folder a name
 * is a string of those units; outside it is UTF-8, with lone halves in the three bytes that generalized
 * UTF-8 (WTF-8, simonsapin.github.io/wtf-8) gives them, so that every name survives both ways.
 */
import { utf8OrUndefined } from "../../../bytes/byte-name.ts";

const encoder = new TextEncoder();
const SURROGATE = /[\ud800-\udfff]/;
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** Code units, little-endian, as a string; an odd last byte is ignored. */
export function utf16Text(units: Uint8Array): string {
  return Buffer.from(units.buffer, units.byteOffset, units.byteLength & ~1).toString("utf16le");
}

export function nameFromUtf16(text: string): Uint8Array {
  if (!SURROGATE.test(text) || !LONE_SURROGATE.test(text)) return encoder.encode(text);
  const parts: Uint8Array[] = [];
  // Iteration gives pairs as one character and lone halves by themselves.
  for (const character of text) {
    const code = character.codePointAt(0) as number;
    if (code < 0xd800 || code > 0xdfff) parts.push(encoder.encode(character));
    else parts.push(Uint8Array.of(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)));
  }
  return Buffer.concat(parts);
}

/** Undefined when no UTF-16 name has these bytes. */
export function utf16FromName(name: Uint8Array): string | undefined {
  const text = utf8OrUndefined(name);
  if (text !== undefined) return text;
  let units = "";
  for (let offset = 0; offset < name.length; ) {
    const length = sequenceLength(name[offset] as number);
    const sequence = name.subarray(offset, offset + length);
    const character = utf8OrUndefined(sequence) ?? loneHalf(sequence);
    if (length === 0 || character === undefined) return undefined;
    units += character;
    offset += length;
  }
  // A pair written as two halves would have two spellings.
  return Buffer.compare(nameFromUtf16(units), name) === 0 ? units : undefined;
}

function sequenceLength(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

function loneHalf(sequence: Uint8Array): string | undefined {
  const [lead, second = 0, third = 0] = sequence;
  if (lead !== 0xed || sequence.length !== 3 || second < 0xa0 || second > 0xbf || (third & 0xc0) !== 0x80) {
    return undefined;
  }
  return String.fromCharCode(0xd000 | ((second & 0x3f) << 6) | (third & 0x3f));
}
