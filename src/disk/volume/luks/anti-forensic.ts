/** The splitter that spreads a key over many sectors, so that wiping any of them wipes the key: LUKS1 On-Disk Format 1.2.3, section 2.4. */
import { createHash } from "node:crypto";
import type { HashFunction } from "./hash-function.ts";
import { exclusiveOr } from "./sector-cipher.ts";

/** Neither format has ever been written with another number. */
export const STRIPES = 4000;

/** @param material at least STRIPES times as many bytes as the key has */
export function mergeStripes(material: Uint8Array, keySize: number, hash: HashFunction): Uint8Array {
  const stripe = (index: number) => material.subarray(index * keySize, (index + 1) * keySize);
  let key: Uint8Array = new Uint8Array(keySize);
  for (let index = 0; index < STRIPES - 1; index++) key = diffuse(exclusiveOr(key, stripe(index)), hash);
  return exclusiveOr(key, stripe(STRIPES - 1));
}

/** Each piece of the hash's size becomes the hash of its number, 32 bits big-endian, and itself. */
function diffuse(block: Uint8Array, { name, size }: HashFunction): Uint8Array {
  const diffused = new Uint8Array(block.length);
  const number = Buffer.alloc(4);
  for (let start = 0; start < block.length; start += size) {
    const piece = block.subarray(start, start + size);
    number.writeUInt32BE(start / size);
    diffused.set(createHash(name).update(number).update(piece).digest().subarray(0, piece.length), start);
  }
  return diffused;
}
