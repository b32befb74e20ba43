/** Extents ("XFS Algorithms & Data Structures", section "Extent List"): four packed fields in 128 bits, big-endian. */
import type { Cursor } from "../../../bytes/cursor.ts";
import type { BlockRun } from "../file-map.ts";
import type { Superblock } from "./superblock.ts";
import { linearBlock } from "./volume.ts";

export const EXTENT_SIZE = 16;
const FLAG = 0x8000_0000;

/**
 * The extents of a list as runs with plain block numbers. What was allocated but never written is left out:
 * it reads as zeros.
 * @param start the lowest block they may map, @param end the first they may not
 * @throws CorruptDataError when they are empty, out of order or outside the file system
 */
export function parseExtents(
  cursor: Cursor,
  { offset, count, start, end }: { offset: number; count: number; start: number; end: number },
  superblock: Superblock,
): BlockRun[] {
  const runs: BlockRun[] = [];
  let next = start;
  for (let index = 0; index < count; index++) {
    const at = offset + index * EXTENT_SIZE;
    const [word0, word1, word2, word3] = [
      cursor.u32be(at),
      cursor.u32be(at + 4),
      cursor.u32be(at + 8),
      cursor.u32be(at + 12),
    ];
    // Bits from the top: 1 unwritten, 54 logical block, 52 block on the disk, 21 length.
    const logical = (word0 & 0x7fff_ffff) * 2 ** 23 + (word1 >>> 9);
    const block = (word1 & 0x1ff) * 2 ** 43 + word2 * 2 ** 11 + (word3 >>> 21);
    const length = word3 & 0x1f_ffff;
    if (length === 0 || logical < next || logical + length > end) {
      throw cursor.corrupt(`extent ${index} (${logical}+${length}) is out of order`);
    }
    const physical = linearBlock(superblock, block, length);
    if (physical === undefined)
      throw cursor.corrupt(`extent ${index} (block ${block}+${length}) lies outside the file system`);
    if ((word0 & FLAG) === 0) runs.push({ logical, length, physical });
    next = logical + length;
  }
  return runs;
}
