import type { ByteSource, Extent, SparseSource } from "./byte-source.ts";
import { checkRange } from "./check-range.ts";

/** Bytes already in memory; reads are views, not copies. */
export class MemorySource implements ByteSource {
  readonly size: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.size = bytes.length;
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    checkRange(offset, length, this.size, "memory");
    return this.#bytes.subarray(offset, offset + length);
  }

  async close(): Promise<void> {}
}

/** Nothing but zeros: one hole. */
export class ZeroSource implements SparseSource {
  readonly size: number;

  constructor(size: number) {
    this.size = size;
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    checkRange(offset, length, this.size, "zeros");
    return new Uint8Array(length);
  }

  async *extents(from = 0): AsyncIterable<Extent> {
    if (from < this.size) yield { offset: from, length: this.size - from, kind: "hole" };
  }

  async close(): Promise<void> {}
}
