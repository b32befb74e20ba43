import { createDecipheriv, createHmac } from "node:crypto";
import { UnsupportedFeatureError } from "../errors.ts";
import { deriveKey } from "./key-derivation.ts";

/** Bytes around a plaintext: nonce before, authentication tag behind. */
const NONCE_LENGTH = 12;
const TAG_LENGTH = 16;
export const ENCRYPTION_OVERHEAD = NONCE_LENGTH + TAG_LENGTH;

/** Bytes of the per-content value that selects the key and is authenticated along. */
const IV_LENGTH = 16;

type Cipher = "aes-256-gcm" | "chacha20-poly1305";

const CIPHERS: Record<string, Cipher> = {
  "AES256-GCM-HMAC-SHA256": "aes-256-gcm",
  "CHACHA20-POLY1305-HMAC-SHA256": "chacha20-poly1305",
};

/** Opens contents and index blobs (kopia: repo/encryption). */
export class ContentEncryption {
  readonly #cipher: Cipher;
  readonly #secret: Uint8Array;

  /** @throws UnsupportedFeatureError for any algorithm but Kopia's two. */
  constructor(algorithm: string, masterKey: Uint8Array) {
    const cipher = Object.hasOwn(CIPHERS, algorithm) ? CIPHERS[algorithm] : undefined;
    if (cipher === undefined) throw new UnsupportedFeatureError("kopia", [`content encryption ${algorithm}`]);
    this.#cipher = cipher;
    // Kopia passes the purpose as the salt.
    this.#secret = deriveKey(masterKey, "encryption", "");
  }

  /**
   * The plaintext, or undefined when the bytes are not what was stored under this hash.
   * @param stored nonce, ciphertext, tag
   * @param hash the content's hash, or the hash in a blob's name; its last 16 bytes select the key
   */
  open(stored: Uint8Array, hash: Uint8Array): Buffer | undefined {
    const iv = hash.subarray(-IV_LENGTH);
    const key = createHmac("sha256", this.#secret).update(iv).digest();
    return openAuthenticated(this.#cipher, key, stored, iv);
  }
}

/** `undefined` when authentication fails, also for anything too short to be authentic. */
export function openAuthenticated(
  cipher: Cipher,
  key: Uint8Array,
  stored: Uint8Array,
  associatedData: Uint8Array,
): Buffer | undefined {
  if (stored.length < ENCRYPTION_OVERHEAD) return undefined;
  const ciphertext = stored.subarray(NONCE_LENGTH, stored.length - TAG_LENGTH);
  const nonce = stored.subarray(0, NONCE_LENGTH);
  // The two names select different overloads of the same call in Node's types.
  const decipher =
    cipher === "aes-256-gcm"
      ? createDecipheriv(cipher, key, nonce, { authTagLength: TAG_LENGTH })
      : createDecipheriv(cipher, key, nonce, { authTagLength: TAG_LENGTH });
  decipher.setAuthTag(stored.subarray(stored.length - TAG_LENGTH));
  decipher.setAAD(associatedData, { plaintextLength: ciphertext.length });
  const plaintext = decipher.update(ciphertext);
  try {
    decipher.final();
    return plaintext;
  } catch {
    return undefined;
  }
}
