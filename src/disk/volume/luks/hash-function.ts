import { createHash } from "node:crypto";
import { UnsupportedFeatureError } from "../../../errors.ts";

export interface HashFunction {
  /** As OpenSSL calls it. */
  readonly name: string;
  /** Bytes of a digest. */
  readonly size: number;
}

/** The names of the kernel's crypto API that LUKS uses, where OpenSSL's differ. */
const OPENSSL_NAMES: Readonly<Record<string, string>> = { "blake2b-512": "blake2b512", "blake2s-256": "blake2s256" };
const NAMES = /^(?:sha1|sha224|sha256|sha384|sha512|sha3-(?:224|256|384|512)|ripemd160|blake2b-512|blake2s-256)$/;

/** @throws UnsupportedFeatureError naming a hash that LUKS does not use, or that this Node does not have */
export function hashFunction(name: string): HashFunction {
  if (NAMES.test(name)) {
    const openSslName = OPENSSL_NAMES[name] ?? name;
    try {
      return { name: openSslName, size: createHash(openSslName).digest().length };
    } catch {
      // Policies and builds of OpenSSL leave some out; then it is as unsupported as one that vmfr does not know.
    }
  }
  throw new UnsupportedFeatureError("luks", [`hash ${JSON.stringify(name)}`]);
}
