/**
 * Block modes of dm-crypt over single-block AES, so that one call into OpenSSL does all the blocks of a read: a
 * call for every sector costs more than the cipher itself. XTS: IEEE 1619; IVs: Linux, Documentation/admin-guide/
 * device-mapper/dm-crypt.rst.
 */
import { type Cipher, createCipheriv, createDecipheriv, createHash, type Decipher } from "node:crypto";
import type { HashFunction } from "./hash-function.ts";

const BLOCK = 16;
/** Of 32 bits, in a block. */
const WORDS = 4;

/** What an IV counts, whatever the size of the volume's sectors. */
export const IV_UNIT = 512;

export interface SectorCipher {
  /** Bytes that are encrypted together. */
  readonly sectorSize: number;
  /**
   * @param ciphertext whole sectors
   * @param first number of the first one's IV, in units of 512 bytes
   * @returns bytes nobody else holds
   */
  decrypt(ciphertext: Uint8Array, first: number): Uint8Array;
}

/** How the number of a sector becomes its IV. */
export type IvGenerator =
  | { readonly kind: "plain" }
  | { readonly kind: "plain64" }
  | { readonly kind: "essiv"; readonly hash: HashFunction };

/** @param key two AES keys of 128 or 256 bits, one after the other; copied */
export function xtsCipher(key: Uint8Array, sectorSize: number, iv: IvGenerator): SectorCipher {
  const half = key.length / 2;
  const data = aesDecipher(key.subarray(0, half));
  const tweak = aesCipher(key.subarray(half));
  return {
    sectorSize,
    decrypt(ciphertext, first) {
      const firstTweaks = tweak.update(sectorNumbers(ciphertext.length / sectorSize, first, sectorSize, iv));
      const tweaks = multiplyOut(firstTweaks, sectorSize);
      return exclusiveOr(data.update(exclusiveOr(ciphertext, tweaks)), tweaks);
    },
  };
}

/** @param key an AES key of 128, 192 or 256 bits; copied */
export function cbcCipher(key: Uint8Array, sectorSize: number, iv: IvGenerator): SectorCipher {
  const data = aesDecipher(key);
  const essiv = iv.kind === "essiv" ? aesCipher(createHash(iv.hash.name).update(key).digest()) : undefined;
  return {
    sectorSize,
    decrypt(ciphertext, first) {
      const numbers = sectorNumbers(ciphertext.length / sectorSize, first, sectorSize, iv);
      const ivs = essiv?.update(numbers) ?? numbers;
      const previous = new Uint8Array(ciphertext.length);
      previous.set(ciphertext.subarray(0, ciphertext.length - BLOCK), BLOCK);
      for (let sector = 0; sector * sectorSize < ciphertext.length; sector++) {
        previous.set(ivs.subarray(sector * BLOCK, (sector + 1) * BLOCK), sector * sectorSize);
      }
      return exclusiveOr(data.update(ciphertext), previous);
    },
  };
}

function aesDecipher(key: Uint8Array): Decipher {
  return createDecipheriv(`aes-${key.length * 8}-ecb`, key, null).setAutoPadding(false);
}

function aesCipher(key: Uint8Array): Cipher {
  return createCipheriv(`aes-${key.length * 8}-ecb`, key, null).setAutoPadding(false);
}

/** One block a sector: its number, little-endian. */
function sectorNumbers(count: number, first: number, sectorSize: number, { kind }: IvGenerator): Uint8Array {
  const blocks = new DataView(new ArrayBuffer(count * BLOCK));
  for (let sector = 0; sector < count; sector++) {
    const number = first + (sector * sectorSize) / IV_UNIT;
    blocks.setUint32(sector * BLOCK, number % 2 ** 32, true);
    if (kind !== "plain") blocks.setUint32(sector * BLOCK + 4, Math.floor(number / 2 ** 32), true);
  }
  return new Uint8Array(blocks.buffer);
}

const IS_LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** The tweaks of all blocks from those of each sector's first: every next one is the last times α in GF(2¹²⁸). */
function multiplyOut(firstTweaks: Uint8Array, sectorSize: number): Uint8Array {
  const firsts = wordsOf(firstTweaks);
  const tweaks = new Uint32Array((firsts.length / WORDS) * (sectorSize / 4));
  inLittleEndian(firsts);
  for (let from = 0, to = 0; from < firsts.length; from += WORDS) {
    let word0 = firsts[from] as number;
    let word1 = firsts[from + 1] as number;
    let word2 = firsts[from + 2] as number;
    let word3 = firsts[from + 3] as number;
    for (const end = to + sectorSize / 4; to < end; to += WORDS) {
      tweaks[to] = word0;
      tweaks[to + 1] = word1;
      tweaks[to + 2] = word2;
      tweaks[to + 3] = word3;
      const carry = word3 >> 31;
      word3 = (word3 << 1) | (word2 >>> 31);
      word2 = (word2 << 1) | (word1 >>> 31);
      word1 = (word1 << 1) | (word0 >>> 31);
      word0 = (word0 << 1) ^ (carry & 0x87);
    }
  }
  inLittleEndian(tweaks);
  return new Uint8Array(tweaks.buffer);
}

/** Makes numbers of little-endian bytes, or the bytes of numbers, where the machine has another order. */
function inLittleEndian(words: Uint32Array): void {
  if (!IS_LITTLE_ENDIAN) Buffer.from(words.buffer, words.byteOffset, words.byteLength).swap32();
}

/** Of equally many bytes, a multiple of four. */
export function exclusiveOr(left: Uint8Array, right: Uint8Array): Uint8Array {
  const [leftWords, rightWords] = [wordsOf(left), wordsOf(right)];
  const words = new Uint32Array(leftWords.length);
  for (let index = 0; index < words.length; index++) {
    words[index] = (leftWords[index] as number) ^ (rightWords[index] as number);
  }
  return new Uint8Array(words.buffer);
}

function wordsOf(bytes: Uint8Array): Uint32Array {
  const { buffer, byteOffset } = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  return new Uint32Array(buffer, byteOffset, bytes.length / 4);
}
