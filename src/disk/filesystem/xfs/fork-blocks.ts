import { Cursor } from "../../../bytes/cursor.ts";
import { CorruptDataError } from "../../../errors.ts";
import type { BlockRun, FileMap, MapWindow } from "../file-map.ts";
import { forkMap } from "./fork-map.ts";
import type { Fork, Inode } from "./inode.ts";
import { readBlock, type Volume } from "./volume.ts";

export interface ForkBlock {
  readonly cursor: Cursor;
  /** Where it starts, in bytes from the start of the volume. */
  readonly byteOffset: number;
  /** False for pieces that only the log puts together: a checksum over all of them was never stored. */
  readonly hasChecksum: boolean;
}

/** Reads the metadata blocks of a fork by their logical numbers. */
export class ForkBlocks {
  readonly map: FileMap;
  readonly #volume: Volume;
  readonly #inode: number;
  readonly #what: string;
  #window: MapWindow | undefined;

  /** @param what says in error messages what the blocks hold: `directory` */
  constructor(volume: Volume, inode: Inode, fork: Fork, what: string) {
    this.map = forkMap(volume, inode, fork);
    this.#volume = volume;
    this.#inode = inode.number;
    this.#what = what;
  }

  /**
   * `count` blocks that make one structure; they need not be neighbours on the disk.
   * @throws CorruptDataError when one of them is not mapped
   */
  async read(logical: number, count: number, signal?: AbortSignal): Promise<ForkBlock> {
    const { blockSize } = this.#volume.superblock;
    const parts: Uint8Array[] = [];
    const places: number[] = [];
    for (let index = 0; index < count; index++) {
      const linear = await this.#locate(logical + index, signal);
      if (linear === undefined) throw this.#corrupt(logical, "is missing");
      places.push(linear * blockSize);
      const block = readBlock(this.#volume, linear, signal);
      parts.push(block instanceof Promise ? await block : block);
    }
    const [only] = parts;
    const bytes = parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
    const byteOffset = places[0] ?? 0;
    const cursor = new Cursor(bytes, { format: "xfs", structure: this.#structure(logical), byteOffset });
    return { cursor, byteOffset, hasChecksum: !this.#isPatchedUp(places) };
  }

  /** The log changes each piece of a scattered structure by itself, and cannot say what the whole adds up to. */
  #isPatchedUp(places: readonly number[]): boolean {
    const { replayed, superblock } = this.#volume;
    const { blockSize } = superblock;
    const isScattered = places.some((place, index) => place !== (places[0] ?? 0) + index * blockSize);
    return isScattered && places.some((place) => replayed?.touches(place, blockSize) === true);
  }

  /** How many blocks from this one on lie next to each other on the disk; 1 where it is not mapped. */
  async neighbours(logical: number, signal?: AbortSignal): Promise<number> {
    const run = await this.#run(logical, signal);
    return run === undefined ? 1 : run.logical + run.length - logical;
  }

  #structure(logical: number): string {
    return `inode ${this.#inode}, ${this.#what} block ${logical}`;
  }

  #corrupt(logical: number, problem: string): CorruptDataError {
    return new CorruptDataError({ format: "xfs", structure: this.#structure(logical) }, problem);
  }

  async #locate(logical: number, signal?: AbortSignal): Promise<number | undefined> {
    const run = await this.#run(logical, signal);
    return run === undefined ? undefined : run.physical + (logical - run.logical);
  }

  async #run(logical: number, signal?: AbortSignal): Promise<BlockRun | undefined> {
    if (this.#window === undefined || logical < this.#window.start || logical >= this.#window.end) {
      this.#window = await this.map.window(logical, signal);
    }
    return this.#window.runs.find((each) => each.logical <= logical && logical < each.logical + each.length);
  }
}
