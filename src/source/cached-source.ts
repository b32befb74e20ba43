import { BlockPool, type PooledBlock, sharedBlocks } from "./block-pool.ts";
import type { ByteSource, Extent, SparseSource } from "./byte-source.ts";
import { checkRange } from "./check-range.ts";
import { extentsOf } from "./extents.ts";

export interface CacheOptions {
  /** Bytes fetched and kept at once; an awaited small read costs as much as one of this size. */
  readonly blockSize?: number;
  /** Bytes kept by this cache alone; without it, it shares the memory of all open disks (`sharedBlocks`). */
  readonly budget?: number;
  /** Reads of at least this many bytes go past the cache: bulk data must not push metadata out. */
  readonly bypass?: number;
}

/**
 * Keeps recently read blocks of another source, for metadata. What is kept can be had without awaiting
 * (`peek`), which is two orders of magnitude cheaper than an awaited read. Failures are never kept, and
 * concurrent reads of one block share one fetch. Closing it closes the other source.
 */
export class CachedSource implements SparseSource {
  readonly size: number;
  readonly #source: ByteSource;
  readonly #blockSize: number;
  readonly #bypass: number;
  readonly #pool: BlockPool;
  readonly #blocks = new Map<number, PooledBlock>();
  readonly #fetches = new Map<number, Promise<Uint8Array>>();
  #released = false;

  constructor(source: ByteSource, options: CacheOptions = {}) {
    this.#source = source;
    this.size = source.size;
    this.#blockSize = options.blockSize ?? 64 * 1024;
    this.#bypass = options.bypass ?? 4 * this.#blockSize;
    this.#pool = options.budget === undefined ? sharedBlocks : new BlockPool(options.budget);
  }

  /**
   * The bytes if all of them are in the cache, else undefined: then `read` fetches them.
   * @throws SourceError when the range lies outside the source
   */
  peek(offset: number, length: number): Uint8Array | undefined {
    checkRange(offset, length, this.size, "volume");
    const index = Math.floor(offset / this.#blockSize);
    const within = offset - index * this.#blockSize;
    if (within + length <= this.#blockSize) return this.#kept(index)?.subarray(within, within + length);
    const blocks = this.#indexes(offset, length).map((each) => this.#kept(each));
    return blocks.every((block) => block !== undefined) ? cut(blocks, within, length) : undefined;
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    const kept = this.peek(offset, length);
    if (kept !== undefined) return kept;
    if (length >= this.#bypass) return this.#source.read(offset, length, signal);
    const blocks = await Promise.all(this.#indexes(offset, length).map((index) => this.#block(index)));
    // A fetch may be shared with readers who have not given up, so the signal ends the waiting, not the fetch.
    signal?.throwIfAborted();
    return cut(blocks, offset % this.#blockSize, length);
  }

  #indexes(offset: number, length: number): number[] {
    const first = Math.floor(offset / this.#blockSize);
    const last = Math.floor((offset + Math.max(length, 1) - 1) / this.#blockSize);
    return Array.from({ length: last - first + 1 }, (_, position) => first + position);
  }

  #kept(index: number): Uint8Array | undefined {
    const block = this.#blocks.get(index);
    if (block === undefined) return undefined;
    this.#pool.touch(block);
    return block.bytes;
  }

  #block(index: number): Promise<Uint8Array> {
    const kept = this.#kept(index);
    if (kept !== undefined) return Promise.resolve(kept);
    const running = this.#fetches.get(index);
    if (running !== undefined) return running;
    const fetch = this.#fetch(index).finally(() => this.#fetches.delete(index));
    this.#fetches.set(index, fetch);
    return fetch;
  }

  async #fetch(index: number): Promise<Uint8Array> {
    const offset = index * this.#blockSize;
    const bytes = await this.#source.read(offset, Math.min(this.#blockSize, this.size - offset));
    // Structures are cut out of it by the million, which costs a Buffer three times as much.
    const block = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    if (!this.#released) this.#pool.add(this.#blocks, index, block);
    return block;
  }

  extents(from = 0, signal?: AbortSignal): AsyncIterable<Extent> {
    return extentsOf(this.#source, from, signal);
  }

  /** Gives its memory back and keeps nothing from now on; the other source stays open. */
  release(): void {
    this.#released = true;
    this.#pool.release(this.#blocks);
  }

  async close(): Promise<void> {
    this.release();
    await this.#source.close();
  }
}

function cut(blocks: readonly Uint8Array[], within: number, length: number): Uint8Array {
  const [only] = blocks;
  const joined = blocks.length === 1 && only !== undefined ? only : Buffer.concat(blocks);
  return joined.subarray(within, within + length);
}
