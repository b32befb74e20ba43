import { createHash } from "node:crypto";
import type { DirectoryHash } from "./directory-hash.ts";

/** Ciphertext bytes that go into a token as they are; of longer names the rest is hashed. */
const PLAIN_BYTES = 149;

/**
 * How Linux shows a name of an encrypted directory to those without its key (fs/crypto/fname.c,
 * fscrypt_nokey_name): base64url of the directory hash, the ciphertext, and SHA-256 of what is too long.
 * Distinct names stay distinct, and the token is a valid file name of at most 252 bytes.
 */
export function encryptedNameToken(ciphertext: Uint8Array, { major, minor }: DirectoryHash): Uint8Array {
  const hashes = new Uint8Array(8);
  const view = new DataView(hashes.buffer);
  view.setUint32(0, major, true);
  view.setUint32(4, minor, true);
  const rest = ciphertext.subarray(PLAIN_BYTES);
  const digest = rest.length === 0 ? new Uint8Array(0) : createHash("sha256").update(rest).digest();
  const token = Buffer.concat([hashes, ciphertext.subarray(0, PLAIN_BYTES), digest]);
  return new Uint8Array(Buffer.from(token.toString("base64url"), "latin1"));
}
