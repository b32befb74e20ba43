/** Direct and indirect block numbers of ext2 and ext3 (kernel Documentation/filesystems/ext4/blockmap.rst). */
import { Cursor } from "../../../bytes/cursor.ts";
import type { BlockRun, FileMap, MapWindow } from "../file-map.ts";
import { type Inode, inodeCorruption } from "./inode.ts";
import { liesInside, readBlock, type Volume } from "./volume.ts";

const DIRECT = 12;
const DEEPEST = 3;

export class IndirectBlocks implements FileMap {
  readonly #volume: Volume;
  readonly #inode: number;
  readonly #root: Cursor;
  readonly #perBlock: number;

  constructor(volume: Volume, inode: Inode) {
    this.#volume = volume;
    this.#inode = inode.number;
    this.#root = new Cursor(new Uint8Array(inode.blockArea), {
      format: "ext4",
      structure: `inode ${inode.number}, block map`,
    });
    this.#perBlock = volume.superblock.blockSize / 4;
  }

  async window(logical: number, signal?: AbortSignal): Promise<MapWindow> {
    if (logical < DIRECT) return { start: 0, end: DIRECT, runs: this.#runs(this.#root, 0, DIRECT) };
    let start = DIRECT;
    for (let depth = 1; depth <= DEEPEST; depth++) {
      const end = start + this.#perBlock ** depth;
      const pointer = this.#root.u32le((DIRECT + depth - 1) * 4);
      if (logical < end) return this.#descend(pointer, depth, { start, end }, logical, signal);
      start = end;
    }
    throw inodeCorruption(this.#inode, `block ${logical} is beyond what a block map can hold`);
  }

  /** Follows one pointer a level: a pointer of 0 leaves out all that it would cover. */
  async #descend(
    pointer: number,
    depth: number,
    within: { start: number; end: number },
    logical: number,
    signal: AbortSignal | undefined,
  ): Promise<MapWindow> {
    if (pointer === 0) return { ...within, runs: [] };
    const block = await this.#indirectBlock(pointer, signal);
    if (depth === 1) return { ...within, runs: this.#runs(block, within.start, this.#perBlock) };
    const covered = this.#perBlock ** (depth - 1);
    const index = Math.floor((logical - within.start) / covered);
    const start = within.start + index * covered;
    return this.#descend(block.u32le(index * 4), depth - 1, { start, end: start + covered }, logical, signal);
  }

  async #indirectBlock(block: number, signal: AbortSignal | undefined): Promise<Cursor> {
    const { superblock } = this.#volume;
    if (!liesInside(superblock, block))
      throw this.#root.corrupt(`indirect block ${block} lies outside the file system`);
    return new Cursor(await readBlock(this.#volume, block, signal), {
      format: "ext4",
      structure: `inode ${this.#inode}, indirect block ${block}`,
      byteOffset: block * superblock.blockSize,
    });
  }

  /** Neighbours joined. */
  #runs(pointers: Cursor, logical: number, count: number): BlockRun[] {
    const runs: BlockRun[] = [];
    let start = 0;
    while (start < count) {
      const physical = pointers.u32le(start * 4);
      let next = start + 1;
      if (physical !== 0) {
        while (next < count && pointers.u32le(next * 4) === physical + (next - start)) next++;
        if (!liesInside(this.#volume.superblock, physical, next - start)) {
          throw pointers.corrupt(`block ${physical} lies outside the file system`);
        }
        runs.push({ logical: logical + start, length: next - start, physical });
      }
      start = next;
    }
    return runs;
  }
}
