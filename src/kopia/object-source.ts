import { SourceError } from "../errors.ts";
import type { Extent, SparseSource } from "../source/byte-source.ts";
import { checkRange } from "../source/check-range.ts";
import { mergeExtents } from "../source/extents.ts";
import type { ObjectReader } from "./object-reader.ts";
import type { SeekTable } from "./seek-table.ts";

/** Bytes loaded ahead of a sequential reader. */
const READ_AHEAD = 16 * 1024 * 1024;

/** Smaller parts of a chunk are copied, so that a kept result does not keep the whole chunk in memory. */
const MIN_ALIASED_FRACTION = 8;

export interface ObjectSourceOptions {
  /** For messages. */
  readonly name: string;
  readonly objects: Pick<ObjectReader, "readChunk" | "prefetch">;
  readonly table: SeekTable;
  /** One bit a chunk: the chunk is zeros and needs no I/O. */
  readonly zeroChunks: Uint8Array;
}

/** The bytes of a Kopia object: random access through its seek table, chunks of zeros as holes. */
export class ObjectSource implements SparseSource {
  readonly size: number;
  readonly #options: ObjectSourceOptions;
  #closed = false;
  /** Where the last read ended. */
  #position = 0;
  /** Chunks before this one have been asked for ahead of the reader. */
  #requestedTo = 0;

  constructor(options: ObjectSourceOptions) {
    this.#options = options;
    this.size = options.table.size;
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    const { table, objects, name } = this.#options;
    if (this.#closed) throw new SourceError(`${name}: already closed`, { retryable: false });
    signal?.throwIfAborted();
    checkRange(offset, length, this.size, name);
    if (length === 0) return new Uint8Array(0);
    const first = table.chunkAt(offset);
    const last = table.chunkAt(offset + length - 1);
    this.#readAhead(offset, first, last);
    this.#position = offset + length;
    if (first === last && !this.#isZero(first)) {
      const chunk = await objects.readChunk(table, first, signal);
      const start = offset - table.startOf(first);
      const part = chunk.subarray(start, start + length);
      // Not part.slice(): of a Buffer, that is another view.
      return part.length * MIN_ALIASED_FRACTION < chunk.length ? new Uint8Array(part) : part;
    }
    const result = new Uint8Array(length);
    for (let index = first; index <= last; index++) {
      if (this.#isZero(index)) continue;
      const chunk = await objects.readChunk(table, index, signal);
      const chunkStart = table.startOf(index);
      const from = Math.max(offset, chunkStart);
      const to = Math.min(offset + length, chunkStart + chunk.length);
      result.set(chunk.subarray(from - chunkStart, to - chunkStart), from - offset);
    }
    return result;
  }

  /** Asks early for chunks that this read spans and, when it continues the last one, for those behind it. */
  #readAhead(offset: number, first: number, last: number): void {
    const { table, objects } = this.#options;
    const sequential = offset === this.#position && offset > 0;
    if (!sequential) this.#requestedTo = first;
    let end = last + 1;
    if (sequential) {
      const horizon = table.startOf(last + 1) + READ_AHEAD;
      while (end < table.count && table.startOf(end + 1) <= horizon) end++;
      // Asking again only when half of it is used up makes requests that span several chunks.
      const enough = table.startOf(last + 1) + READ_AHEAD / 2;
      if (end < table.count && table.startOf(Math.min(this.#requestedTo, table.count)) >= enough) return;
    }
    const from = Math.max(first, this.#requestedTo);
    if (end - from > (sequential ? 0 : 1)) void objects.prefetch(table, from, end, (index) => this.#isZero(index));
    this.#requestedTo = Math.max(this.#requestedTo, end);
  }

  #isZero(index: number): boolean {
    return (((this.#options.zeroChunks[index >> 3] as number) >> (index & 7)) & 1) === 1;
  }

  extents(from = 0): AsyncIterable<Extent> {
    return mergeExtents(this.#chunkExtents(from));
  }

  async *#chunkExtents(from: number): AsyncIterable<Extent> {
    const { table } = this.#options;
    if (from >= this.size) return;
    for (let index = table.chunkAt(from); index < table.count; index++) {
      const offset = Math.max(from, table.startOf(index));
      yield { offset, length: table.startOf(index + 1) - offset, kind: this.#isZero(index) ? "hole" : "data" };
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
  }
}
