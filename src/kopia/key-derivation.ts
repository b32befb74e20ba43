import { hkdfSync, pbkdf2, scrypt } from "node:crypto";
import { promisify } from "node:util";
import { UnsupportedFeatureError } from "../errors.ts";

const KEY_LENGTH = 32;

/** 128 * N * r bytes are 64 MiB for Kopia's parameters; Node refuses to use more than `maxmem`. */
const SCRYPT_MAX_MEMORY = 160 * 1024 * 1024;

const derivePbkdf2 = promisify(pbkdf2);

/**
 * The 32-byte key that a repository's password stands for (kopia: internal/crypto).
 * @param algorithm `keyAlgo` of `kopia.repository`
 * @param salt `uniqueID` of `kopia.repository`
 * @throws UnsupportedFeatureError for an algorithm Kopia did not have when this was written.
 */
export async function deriveFormatKey(algorithm: string, password: string, salt: Uint8Array): Promise<Uint8Array> {
  switch (algorithm) {
    case "scrypt-65536-8-1":
      return await deriveScrypt(password, salt);
    case "pbkdf2-sha256-600000":
      return await derivePbkdf2(password, salt, 600_000, KEY_LENGTH, "sha256");
    default:
      throw new UnsupportedFeatureError("kopia", [`key derivation ${algorithm}`]);
  }
}

function deriveScrypt(password: string, salt: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const parameters = { N: 65_536, r: 8, p: 1, maxmem: SCRYPT_MAX_MEMORY };
    scrypt(password, salt, KEY_LENGTH, parameters, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}

/** HKDF-SHA256 to 32 bytes. */
export function deriveKey(secret: Uint8Array, salt: Uint8Array | string, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", secret, salt, purpose, KEY_LENGTH));
}
