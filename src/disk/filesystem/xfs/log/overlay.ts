import { LimitError } from "../../../../errors.ts";
import type { ByteSource } from "../../../../source/byte-source.ts";
import { checkRange } from "../../../../source/check-range.ts";

/** The volume with blocks that were changed in memory laid over it. Nothing is written below. */
export class Overlay implements ByteSource {
  readonly size: number;
  readonly #base: ByteSource;
  readonly #blockSize: number;
  readonly #limit: number;
  readonly #blocks: Map<number, Uint8Array>;

  /** @param limit bytes that changed blocks may take */
  constructor(base: ByteSource, blockSize: number, limit: number, blocks = new Map<number, Uint8Array>()) {
    this.size = base.size;
    this.#base = base;
    this.#blockSize = blockSize;
    this.#limit = limit;
    this.#blocks = blocks;
  }

  /** The same changes over another source of the same bytes. */
  over(base: ByteSource): Overlay {
    return new Overlay(base, this.#blockSize, this.#limit, this.#blocks);
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    const changed = this.#changedBlocks(offset, length);
    const [only] = changed;
    // Most reads of recovery are of one block that was changed before.
    if (
      changed.length === 1 &&
      only !== undefined &&
      offset >= only.start &&
      offset + length <= only.start + this.#blockSize
    ) {
      return new Uint8Array(only.bytes.subarray(offset - only.start, offset - only.start + length));
    }
    const bytes = await this.#base.read(offset, length, signal);
    if (changed.length === 0) return bytes;
    const result = Uint8Array.from(bytes);
    for (const { start, bytes: block } of changed) {
      const from = Math.max(offset, start);
      const to = Math.min(offset + length, start + this.#blockSize);
      result.set(block.subarray(from - start, to - start), from - offset);
    }
    return result;
  }

  touches(offset: number, length: number): boolean {
    return this.#changedBlocks(offset, length).length > 0;
  }

  #changedBlocks(offset: number, length: number): { start: number; bytes: Uint8Array }[] {
    const first = Math.floor(offset / this.#blockSize);
    const end = Math.ceil((offset + length) / this.#blockSize);
    const found: { start: number; bytes: Uint8Array }[] = [];
    if (end - first > this.#blocks.size) {
      for (const [block, bytes] of this.#blocks) {
        if (block >= first && block < end) found.push({ start: block * this.#blockSize, bytes });
      }
      return found;
    }
    for (let block = first; block < end; block++) {
      const bytes = this.#blocks.get(block);
      if (bytes !== undefined) found.push({ start: block * this.#blockSize, bytes });
    }
    return found;
  }

  /** @throws SourceError outside the volume, LimitError */
  async write(offset: number, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    checkRange(offset, bytes.length, this.size, "overlay");
    const end = offset + bytes.length;
    for (let block = Math.floor(offset / this.#blockSize); block * this.#blockSize < end; block++) {
      const start = block * this.#blockSize;
      const target = await this.#changeable(block, signal);
      const from = Math.max(offset, start);
      target.set(bytes.subarray(from - offset, Math.min(end, start + this.#blockSize) - offset), from - start);
    }
  }

  async #changeable(block: number, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const known = this.#blocks.get(block);
    if (known !== undefined) return known;
    if ((this.#blocks.size + 1) * this.#blockSize > this.#limit) {
      throw new LimitError("journalOverlay", this.#limit, "xfs log: changed blocks");
    }
    const start = block * this.#blockSize;
    const bytes = Uint8Array.from(await this.#base.read(start, Math.min(this.#blockSize, this.size - start), signal));
    this.#blocks.set(block, bytes);
    return bytes;
  }

  async close(): Promise<void> {}
}
