/** The hashes that order hash trees (kernel Documentation/filesystems/ext4/directory.rst; fs/ext4/hash.c defines them). */

import type { HashRules } from "./superblock.ts";

export interface DirectoryHash {
  /** The lowest bit is always 0: the tree uses it to say that a hash continues. */
  readonly major: number;
  readonly minor: number;
}

const DEFAULT_STATE = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];

/** Values this large mark the end of a directory to its readers. */
const END_OF_DIRECTORY = 0xfffffffe;

/**
 * @param version 0 legacy, 1 half MD4, 2 TEA; 3 to 5 the same over unsigned characters
 * @returns undefined for versions this reader does not know (SipHash needs the directory's key)
 */
export function directoryHash(name: Uint8Array, version: number, rules: HashRules): DirectoryHash | undefined {
  if (version > 5) return undefined;
  const unsigned = version >= 3 || rules.unsigned;
  const state = Uint32Array.from(rules.seed.some((each) => each !== 0) ? rules.seed : DEFAULT_STATE);
  const [hash, minor] = hashOf(name, version % 3, unsigned, state);
  const major = (hash & ~1) >>> 0;
  return { major: major === END_OF_DIRECTORY ? END_OF_DIRECTORY - 2 : major, minor };
}

function hashOf(name: Uint8Array, algorithm: number, unsigned: boolean, state: Uint32Array): [number, number] {
  if (algorithm === 0) return [legacyHash(name, unsigned), 0];
  const words = algorithm === 1 ? 8 : 4;
  for (let start = 0; start < name.length; start += words * 4) {
    const input = packWords(name.subarray(start), words, unsigned);
    if (algorithm === 1) halfMd4(state, input);
    else tea(state, input);
  }
  return algorithm === 1 ? [state[1] as number, state[2] as number] : [state[0] as number, state[1] as number];
}

function character(byte: number, unsigned: boolean): number {
  return unsigned || byte < 0x80 ? byte : byte - 0x100;
}

function legacyHash(name: Uint8Array, unsigned: boolean): number {
  let previous = 0x37abe8f9;
  let hash = 0x12a3fe2d;
  for (const byte of name) {
    let next = (previous + (hash ^ Math.imul(character(byte, unsigned), 7152373))) >>> 0;
    if (next & 0x80000000) next = (next - 0x7fffffff) >>> 0;
    previous = hash;
    hash = next;
  }
  return (hash << 1) >>> 0;
}

/** Big-endian words of characters, padded with the length of what is left. */
function packWords(rest: Uint8Array, count: number, unsigned: boolean): Uint32Array {
  const length = rest.length;
  let pad = length | (length << 8);
  pad |= pad << 16;
  const words = new Uint32Array(count).fill(pad);
  for (let index = 0; index < Math.min(length, count * 4); index++) {
    const word = index >>> 2;
    const before = index % 4 === 0 ? pad : (words[word] as number);
    words[word] = character(rest[index] as number, unsigned) + (before << 8);
  }
  return words;
}

const rotate = (value: number, by: number): number => (value << by) | (value >>> (32 - by));

interface Round {
  readonly mix: (x: number, y: number, z: number) => number;
  readonly constant: number;
  readonly order: readonly number[];
  readonly shifts: readonly [number, number, number, number];
}

const ROUNDS: readonly Round[] = [
  { mix: (x, y, z) => z ^ (x & (y ^ z)), constant: 0, order: [0, 1, 2, 3, 4, 5, 6, 7], shifts: [3, 7, 11, 19] },
  {
    mix: (x, y, z) => (x & y) + ((x ^ y) & z),
    constant: 0x5a827999,
    order: [1, 3, 5, 7, 0, 2, 4, 6],
    shifts: [3, 5, 9, 13],
  },
  { mix: (x, y, z) => x ^ y ^ z, constant: 0x6ed9eba1, order: [3, 7, 2, 6, 1, 5, 0, 4], shifts: [3, 9, 11, 15] },
];

/** MD4 cut down to eight words a block; `state` is updated in place. */
function halfMd4(state: Uint32Array, input: Uint32Array): void {
  let [a, b, c, d] = state as unknown as [number, number, number, number];
  for (const { mix, constant, order, shifts } of ROUNDS) {
    for (let step = 0; step < 8; step++) {
      const sum = (a + mix(b, c, d) + (input[order[step] as number] as number) + constant) | 0;
      const turned = rotate(sum, shifts[step % 4] as number);
      [a, b, c, d] = [d, turned, b, c];
    }
  }
  for (const [index, value] of [a, b, c, d].entries()) state[index] = (state[index] as number) + value;
}

/** TEA as the kernel's hash uses it: sixteen rounds keyed by the input; updates the first two words in place. */
function tea(state: Uint32Array, input: Uint32Array): void {
  const [k0, k1, k2, k3] = input as unknown as [number, number, number, number];
  let low = state[0] as number;
  let high = state[1] as number;
  let sum = 0;
  for (let round = 0; round < 16; round++) {
    sum = (sum + 0x9e3779b9) >>> 0;
    low = (low + ((((high << 4) + k0) ^ (high + sum) ^ ((high >>> 5) + k1)) >>> 0)) >>> 0;
    high = (high + ((((low << 4) + k2) ^ (low + sum) ^ ((low >>> 5) + k3)) >>> 0)) >>> 0;
  }
  state[0] = (state[0] as number) + low;
  state[1] = (state[1] as number) + high;
}
