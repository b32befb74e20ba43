/**
 * Names every unzip program, on Windows too, puts below the folder it extracts to. A name that had to change
 * carries a digest of the original, and so does any name that looks as if it did: two entries never share one.
 */
import { createHash } from "node:crypto";
import { nameFromKey, nameKey, splitPath } from "../../bytes/byte-name.ts";

/** Control characters and backslashes, anywhere. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: replacing control characters is its purpose
const UNSAFE_CHARACTERS = /[\u0000-\u001f\u007f\\]/g;
/** `C:` would start a path on another drive. */
const DRIVE = /^([A-Za-z]):/;
/** Windows drops these, so `x.` would overwrite `x`. */
const TRAILING = /[. ]+$/;
/** Devices on Windows, whatever the extension. */
const RESERVED = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(?=\.|$)/i;
const DIGESTED = /~[0-9a-f]{12}(\.[^.]*)?$/;

/** `path` relative with `/` between names, as the result is. Bytes that are no UTF-8 stay as they are. */
export function zipName(path: Uint8Array): Uint8Array {
  return Buffer.concat(
    splitPath(path).flatMap((name, index) => (index === 0 ? [safeName(name)] : [Uint8Array.of(0x2f), safeName(name)])),
  );
}

function safeName(name: Uint8Array): Uint8Array {
  const original = nameKey(name);
  const safe = original
    .replace(UNSAFE_CHARACTERS, "_")
    .replace(DRIVE, "$1_")
    .replace(TRAILING, (trailing) => "_".repeat(trailing.length))
    .replace(RESERVED, "$1_");
  if (safe === original && !DIGESTED.test(original)) return name;
  const digest = createHash("sha256").update(name).digest("hex").slice(0, 12);
  const dot = safe.lastIndexOf(".");
  const stem = dot > 0 ? safe.slice(0, dot) : safe;
  return nameFromKey(`${stem}~${digest}${safe.slice(stem.length)}`);
}
