import type { ByteSource, Extent, SparseSource } from "./byte-source.ts";
import { checkRange } from "./check-range.ts";
import { extentsOf } from "./extents.ts";

/** A stretch of another source, as a partition is of a disk. Closing it leaves the other source open. */
export class SliceSource implements SparseSource {
  readonly size: number;
  readonly #source: ByteSource;
  readonly #start: number;
  readonly #name: string;

  /**
   * @param start bytes from the start of `source`
   * @param name says in error messages what the stretch is: `partition 2`
   * @throws SourceError when the stretch does not lie inside `source`
   */
  constructor(source: ByteSource, start: number, size: number, name = "slice") {
    checkRange(start, size, source.size, name);
    this.#source = source;
    this.#start = start;
    this.#name = name;
    this.size = size;
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    checkRange(offset, length, this.size, this.#name);
    return this.#source.read(this.#start + offset, length, signal);
  }

  async *extents(from = 0, signal?: AbortSignal): AsyncIterable<Extent> {
    if (from >= this.size) return;
    for await (const extent of extentsOf(this.#source, this.#start + from, signal)) {
      const offset = extent.offset - this.#start;
      if (offset >= this.size) return;
      yield { offset, length: Math.min(extent.length, this.size - offset), kind: extent.kind };
    }
  }

  async close(): Promise<void> {}
}
