import type { ByteSource, Extent, SparseSource } from "./byte-source.ts";
import type { CachedSource } from "./cached-source.ts";
import { extentsOf } from "./extents.ts";

/** Bytes; from here on a read is worth its own way to the disk, and would only push others out of the cache. */
const LARGE_READ = 64 * 1024;

/**
 * File contents: small files lie side by side, so one fetched block holds the next ones too, while large reads go
 * past the cache. Closing it closes nothing.
 */
export class SmallReadsSource implements SparseSource {
  readonly size: number;
  readonly #cache: CachedSource;
  readonly #source: ByteSource;

  /** @param cache a cache over `source` */
  constructor(cache: CachedSource, source: ByteSource) {
    this.#cache = cache;
    this.#source = source;
    this.size = source.size;
  }

  read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    return (length < LARGE_READ ? this.#cache : this.#source).read(offset, length, signal);
  }

  extents(from = 0, signal?: AbortSignal): AsyncIterable<Extent> {
    return extentsOf(this.#source, from, signal);
  }

  async close(): Promise<void> {}
}
