/** The hash directories and attributes are indexed by ("XFS Algorithms & Data Structures", "Hash Function"). */

const rotate = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));

/** @returns 32 bits, unsigned */
export function nameHash(name: Uint8Array): number {
  let hash = 0;
  for (let start = 0; start < name.length; start += 4) {
    // Seven bits a byte, the first ones highest; the last group may be shorter.
    const group = name.subarray(start, start + 4);
    hash = rotate(hash, 7 * group.length) ^ group.reduce((mixed, byte) => (mixed << 7) ^ byte, 0);
  }
  return hash >>> 0;
}
