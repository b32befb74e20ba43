import type { ByteSource, Extent, SparseSource } from "./byte-source.ts";
import { checkRange } from "./check-range.ts";
import { extentsOf, mergeExtents } from "./extents.ts";

interface Part {
  readonly start: number;
  readonly source: ByteSource;
}

/** Sources one behind the other, as a disk split into files. Closing it closes all parts. */
export class ConcatSource implements SparseSource {
  readonly size: number;
  readonly #parts: readonly Part[];

  constructor(sources: readonly ByteSource[]) {
    let end = 0;
    this.#parts = sources.map((source) => {
      const start = end;
      end += source.size;
      return { start, source };
    });
    this.size = end;
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    checkRange(offset, length, this.size, "joined parts");
    const end = offset + length;
    const pieces = await Promise.all(
      this.#parts
        .filter(({ start, source }) => start < end && start + source.size > offset)
        .map(({ start, source }) => {
          const from = Math.max(offset, start);
          return source.read(from - start, Math.min(end, start + source.size) - from, signal);
        }),
    );
    const [only] = pieces;
    return pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces, length);
  }

  extents(from = 0, signal?: AbortSignal): AsyncIterable<Extent> {
    return mergeExtents(this.#partExtents(from, signal));
  }

  async *#partExtents(from: number, signal: AbortSignal | undefined): AsyncIterable<Extent> {
    for (const { start, source } of this.#parts) {
      if (start + source.size <= from) continue;
      for await (const extent of extentsOf(source, Math.max(0, from - start), signal)) {
        yield { ...extent, offset: extent.offset + start };
      }
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#parts.map(({ source }) => source.close()));
  }
}
