import { UnsupportedFeatureError } from "../../../errors.ts";
import { hashFunction } from "./hash-function.ts";
import { cbcCipher, type IvGenerator, type SectorCipher, xtsCipher } from "./sector-cipher.ts";

/** A way to encrypt sectors, without its key. */
export interface Encryption {
  /** As dm-crypt spells it: `aes-xts-plain64`. */
  readonly name: string;
  /** Bytes a key may have. */
  readonly keySizes: readonly number[];
  /** @param key of one of these sizes; copied */
  withKey(key: Uint8Array, sectorSize: number): SectorCipher;
}

/**
 * @param name cipher, mode and IV as dm-crypt spells them: `aes-xts-plain64`, `aes-cbc-essiv:sha256`
 * @throws UnsupportedFeatureError for any other cipher, mode or IV
 */
export function parseEncryption(name: string): Encryption {
  const [, mode, ivName = ""] = /^aes-(xts|cbc)-(.+)$/.exec(name) ?? [];
  const iv = parseIv(ivName);
  if (mode === "xts" && iv !== undefined && iv.kind !== "essiv") {
    return { name, keySizes: [32, 64], withKey: (key, sectorSize) => xtsCipher(key, sectorSize, iv) };
  }
  if (mode === "cbc" && iv !== undefined) {
    return { name, keySizes: [16, 24, 32], withKey: (key, sectorSize) => cbcCipher(key, sectorSize, iv) };
  }
  throw new UnsupportedFeatureError("luks", [`cipher ${JSON.stringify(name)}`]);
}

/** Undefined for one that is not read, also for hashes whose digests are no AES keys. */
function parseIv(name: string): IvGenerator | undefined {
  if (name === "plain" || name === "plain64") return { kind: name };
  const [, hashName] = /^essiv:(.+)$/.exec(name) ?? [];
  if (hashName === undefined) return undefined;
  const hash = hashFunction(hashName);
  return [16, 24, 32].includes(hash.size) ? { kind: "essiv", hash } : undefined;
}
