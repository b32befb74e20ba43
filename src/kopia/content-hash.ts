import { createHmac } from "node:crypto";
import { createBLAKE2b, createBLAKE2s, createBLAKE3, type IHasher } from "hash-wasm";
import { UnsupportedFeatureError } from "../errors.ts";

/** A keyed hash over a content's plaintext; its output is the content's id (kopia: repo/hashing). */
export type ContentHash = (bytes: Uint8Array) => Uint8Array;

/** Digest lengths are bytes; longer digests are cut, as Kopia cuts them. */
const ALGORITHMS: Record<string, (secret: Uint8Array) => Promise<ContentHash>> = {
  "BLAKE2B-256-128": async (secret) => wasmHash(await createBLAKE2b(256, secret), 16),
  "BLAKE2B-256": async (secret) => wasmHash(await createBLAKE2b(256, secret), 32),
  "BLAKE2S-128": async (secret) => wasmHash(await createBLAKE2s(128, secret), 16),
  "BLAKE2S-256": async (secret) => wasmHash(await createBLAKE2s(256, secret), 32),
  "BLAKE3-256": async (secret) => wasmHash(await createBLAKE3(256, blake3Key(secret)), 32),
  "BLAKE3-256-128": async (secret) => wasmHash(await createBLAKE3(256, blake3Key(secret)), 16),
  "HMAC-SHA256": async (secret) => hmac("sha256", secret, 32),
  "HMAC-SHA256-128": async (secret) => hmac("sha256", secret, 16),
  "HMAC-SHA224": async (secret) => hmac("sha224", secret, 28),
  "HMAC-SHA3-224": async (secret) => hmac("sha3-224", secret, 28),
  "HMAC-SHA3-256": async (secret) => hmac("sha3-256", secret, 32),
};

/**
 * @param algorithm `hash` of the repository's configuration
 * @throws UnsupportedFeatureError for any other algorithm.
 */
export async function createContentHash(algorithm: string, secret: Uint8Array): Promise<ContentHash> {
  const create = Object.hasOwn(ALGORITHMS, algorithm) ? ALGORITHMS[algorithm] : undefined;
  if (create === undefined) throw new UnsupportedFeatureError("kopia", [`content hash ${algorithm}`]);
  return await create(secret);
}

/** Hashing is synchronous, so one hasher serves all callers. */
function wasmHash(hasher: IHasher, length: number): ContentHash {
  return (bytes) => hasher.init().update(bytes).digest("binary").subarray(0, length);
}

function hmac(algorithm: string, secret: Uint8Array, length: number): ContentHash {
  return (bytes) => createHmac(algorithm, secret).update(bytes).digest().subarray(0, length);
}

/** BLAKE3 keys have exactly 32 bytes; Kopia stretches a shorter secret by itself. */
function blake3Key(secret: Uint8Array): Uint8Array {
  if (secret.length !== 32) throw new UnsupportedFeatureError("kopia", [`BLAKE3 with a ${secret.length}-byte secret`]);
  return secret;
}
