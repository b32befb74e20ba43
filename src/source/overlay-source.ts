import type { ByteSource, SparseSource } from "./byte-source.ts";
import { checkRange } from "./check-range.ts";

/** A source whose holes show another one below; behind the other's end they are zeros. Closing it closes both. */
export class OverlaySource implements ByteSource {
  readonly size: number;
  readonly #top: SparseSource;
  readonly #below: ByteSource;

  constructor(top: SparseSource, below: ByteSource) {
    this.size = top.size;
    this.#top = top;
    this.#below = below;
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    checkRange(offset, length, this.size, "overlay");
    const bytes = new Uint8Array(length);
    const end = offset + length;
    for await (const extent of this.#top.extents(offset, signal)) {
      if (extent.offset >= end) break;
      const source = extent.kind === "data" ? this.#top : this.#below;
      const until = Math.min(end, extent.offset + extent.length, source.size);
      if (until > extent.offset) {
        bytes.set(await source.read(extent.offset, until - extent.offset, signal), extent.offset - offset);
      }
    }
    return bytes;
  }

  async close(): Promise<void> {
    await this.#top.close();
    await this.#below.close();
  }
}
