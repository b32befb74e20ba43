import { pbkdf2 } from "node:crypto";
import type { HashFunction } from "./hash-function.ts";

/** RFC 8018. */
export interface Pbkdf2 {
  readonly kind: "pbkdf2";
  readonly hash: HashFunction;
  readonly iterations: number;
  readonly salt: Uint8Array;
}

/** RFC 9106. */
export interface Argon2Parameters {
  readonly kind: "argon2i" | "argon2id";
  readonly passes: number;
  /** KiB. */
  readonly memory: number;
  readonly lanes: number;
  readonly salt: Uint8Array;
}

/** How a key is made of a passphrase. */
export type KeyDerivation = Pbkdf2 | Argon2Parameters;

/** Handed in: Node has no Argon2 before 24, and this layer uses no package. @param length bytes of the key */
export type Argon2 = (parameters: Argon2Parameters, passphrase: Uint8Array, length: number) => Promise<Uint8Array>;

/** Iterations of PBKDF2, or KiB gone over by Argon2, which takes about as long: roughly a microsecond each. */
export function workOf(derivation: KeyDerivation): number {
  return derivation.kind === "pbkdf2" ? derivation.iterations : derivation.passes * derivation.memory;
}

/** @param length bytes of the key */
export function deriveKey(
  derivation: KeyDerivation,
  passphrase: Uint8Array,
  length: number,
  argon2: Argon2,
): Promise<Uint8Array> {
  if (derivation.kind !== "pbkdf2") return argon2(derivation, passphrase, length);
  const { salt, iterations, hash } = derivation;
  return new Promise((resolve, reject) => {
    pbkdf2(passphrase, salt, iterations, length, hash.name, (error, key) => (error ? reject(error) : resolve(key)));
  });
}
