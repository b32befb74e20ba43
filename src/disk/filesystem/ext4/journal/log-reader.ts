import type { ByteSource } from "../../../../source/byte-source.ts";
import type { JournalSuperblock } from "./journal-superblock.ts";

/** Bytes fetched at once: recovery is one long sequential read. */
const WINDOW = 256 * 1024;

/** Reads blocks of the journal by number, ahead of what is asked for. */
export class LogReader {
  readonly superblock: JournalSuperblock;
  readonly #journal: ByteSource;
  readonly #signal: AbortSignal | undefined;
  #windowOffset = 0;
  #window: Uint8Array = new Uint8Array();

  constructor(journal: ByteSource, superblock: JournalSuperblock, signal: AbortSignal | undefined) {
    this.#journal = journal;
    this.superblock = superblock;
    this.#signal = signal;
  }

  /** Blocks of the circular log, from its first. */
  get length(): number {
    return this.superblock.end - this.superblock.first;
  }

  /** The block `count` blocks further on, around the end. */
  advance(block: number, count: number): number {
    const { first } = this.superblock;
    return first + ((block - first + count) % this.length);
  }

  byteOffset(block: number): number {
    return block * this.superblock.blockSize;
  }

  /** @throws SourceError as the journal's source does */
  async read(block: number): Promise<Uint8Array> {
    const { blockSize } = this.superblock;
    const offset = this.byteOffset(block);
    if (offset < this.#windowOffset || offset + blockSize > this.#windowOffset + this.#window.length) {
      const length = Math.min(Math.max(WINDOW, blockSize), this.#journal.size - offset);
      this.#window = await this.#journal.read(offset, length, this.#signal);
      this.#windowOffset = offset;
    }
    const start = offset - this.#windowOffset;
    return this.#window.subarray(start, start + blockSize);
  }
}
