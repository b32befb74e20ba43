/**
 * Names and paths are bytes. These helpers are the only places where they become text: a lossless key for
 * maps, an escaped form for people and terminals, and back.
 */

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Lossless string form (one UTF-16 unit a byte) for map keys and comparisons; never for display. */
export function nameKey(name: Uint8Array): string {
  return Buffer.from(name.buffer, name.byteOffset, name.byteLength).toString("latin1");
}

export function nameFromKey(key: string): Uint8Array {
  return Buffer.from(key, "latin1");
}

export function nameFromText(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The text if the bytes are valid UTF-8, else undefined. */
export function utf8OrUndefined(name: Uint8Array): string | undefined {
  try {
    return decoder.decode(name);
  } catch {
    return undefined;
  }
}

/** Control characters, line and paragraph separators, and the bidirectional marks that can disguise a name. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is its purpose
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/gu;

function escapeCharacter(character: string): string {
  return [...encoder.encode(character)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}

/** For people and terminals: valid UTF-8 as it is, everything dangerous or invalid as `\xNN`, backslash doubled when escapes occur. */
export function displayName(name: Uint8Array): string {
  const text = utf8OrUndefined(name);
  if (text !== undefined) {
    if (text.search(UNPRINTABLE) < 0) return text;
    return text.replaceAll("\\", "\\\\").replace(UNPRINTABLE, escapeCharacter);
  }
  let escaped = "";
  for (const byte of name) {
    if (byte === 0x5c) escaped += "\\\\";
    else if (byte >= 0x20 && byte < 0x7f) escaped += String.fromCharCode(byte);
    else escaped += `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return escaped;
}

/** What displayName gives, where that is the text itself; undefined where something has to be escaped. */
export function plainName(name: Uint8Array): string | undefined {
  const text = utf8OrUndefined(name);
  return text === undefined || text.search(UNPRINTABLE) >= 0 ? undefined : text;
}

export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  return Buffer.compare(left, right);
}

const SLASH = 0x2f;

/** The names of a path; empty names (leading, doubled and trailing slashes) and `.` vanish, `..` stays for the resolver to judge. */
export function splitPath(path: Uint8Array): Uint8Array[] {
  const names: Uint8Array[] = [];
  let start = 0;
  for (let index = 0; index <= path.length; index++) {
    if (index < path.length && path[index] !== SLASH) continue;
    const name = path.subarray(start, index);
    if (name.length > 0 && !(name.length === 1 && name[0] === 0x2e)) names.push(name);
    start = index + 1;
  }
  return names;
}

/** Absolute path with single slashes. */
export function joinPath(names: readonly Uint8Array[]): Uint8Array {
  if (names.length === 0) return Uint8Array.of(SLASH);
  return Buffer.concat(names.flatMap((name) => [Uint8Array.of(SLASH), name]));
}
