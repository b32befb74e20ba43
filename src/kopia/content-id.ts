import { CorruptDataError } from "../errors.ts";

/**
 * A content's id as index blobs store it: one prefix byte (0 when the id has no prefix letter), then the
 * hash. Index blobs, seek tables and caches all use these bytes; the text form is for people and JSON.
 */
export type ContentKey = Uint8Array;

/** An optional letter `g` to `z`, then the hash in lower-case hex. */
const CONTENT_ID = /^([g-z]?)((?:[0-9a-f]{2})+)$/;

/** Longest hash of any algorithm is 32 bytes. */
const MAX_HASH_LENGTH = 32;

/** @throws CorruptDataError naming `structure` when the text is no content id. */
export function contentKeyFromText(text: string, structure: string): ContentKey {
  const [, letter = "", hex] = CONTENT_ID.exec(text) ?? [];
  if (hex === undefined || hex.length > 2 * MAX_HASH_LENGTH) {
    throw new CorruptDataError(
      { format: "kopia", structure },
      `not a content id: ${JSON.stringify(text.slice(0, 100))}`,
    );
  }
  const key = new Uint8Array(1 + hex.length / 2);
  key[0] = letter === "" ? 0 : letter.charCodeAt(0);
  key.set(Buffer.from(hex, "hex"), 1);
  return key;
}

export function contentIdText(key: ContentKey): string {
  const prefix = key[0] === 0 ? "" : String.fromCharCode(key[0] as number);
  return prefix + Buffer.from(contentHash(key)).toString("hex");
}

/** The hash part, a view. */
export function contentHash(key: ContentKey): Uint8Array {
  return key.subarray(1);
}
