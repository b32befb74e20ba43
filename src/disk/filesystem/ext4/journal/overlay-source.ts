import { SourceError } from "../../../../errors.ts";
import type { ByteSource } from "../../../../source/byte-source.ts";
import type { JournaledBlock } from "./journal.ts";

const JBD2_MAGIC = Uint8Array.of(0xc0, 0x3b, 0x39, 0x98);

/**
 * The file system as it is after replay: blocks that the journal holds newer are answered from there, all
 * others from the volume. Nothing is copied beforehand, so memory is one map entry a block.
 */
export class OverlaySource implements ByteSource {
  readonly size: number;
  readonly #base: ByteSource;
  readonly #journal: ByteSource;
  readonly #blockSize: number;
  readonly #blocks: ReadonlyMap<number, JournaledBlock>;
  #closed = false;

  /** @param blockSize bytes; keys of `blocks` count in it from the start of `base`. */
  constructor(base: ByteSource, journal: ByteSource, blockSize: number, blocks: ReadonlyMap<number, JournaledBlock>) {
    this.size = base.size;
    this.#base = base;
    this.#journal = journal;
    this.#blockSize = blockSize;
    this.#blocks = blocks;
  }

  /** @throws SourceError as the two sources below do, or when closed. */
  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    if (this.#closed) throw new SourceError("the journal's overlay has been closed", { retryable: false });
    const replaced = this.#replacedBlocks(offset, length);
    if (replaced.length === 0) return this.#base.read(offset, length, signal);
    const result = Uint8Array.from(await this.#base.read(offset, length, signal));
    for (const [block, place] of replaced) {
      const from = Math.max(offset, block * this.#blockSize);
      const to = Math.min(offset + length, (block + 1) * this.#blockSize);
      const within = from - block * this.#blockSize;
      result.set(await this.#readJournaled(place, within, to - from, signal), from - offset);
    }
    return result;
  }

  #replacedBlocks(offset: number, length: number): [number, JournaledBlock][] {
    const first = Math.floor(offset / this.#blockSize);
    const end = Math.ceil((offset + length) / this.#blockSize);
    if (end - first > this.#blocks.size) {
      return [...this.#blocks].filter(([block]) => block >= first && block < end);
    }
    const found: [number, JournaledBlock][] = [];
    for (let block = first; block < end; block++) {
      const place = this.#blocks.get(block);
      if (place !== undefined) found.push([block, place]);
    }
    return found;
  }

  async #readJournaled(
    place: JournaledBlock,
    within: number,
    length: number,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    const stored = await this.#journal.read(place.journalOffset + within, length, signal);
    if (!place.escaped || within >= JBD2_MAGIC.length) return stored;
    const unescaped = Uint8Array.from(stored);
    unescaped.set(JBD2_MAGIC.subarray(within, Math.min(JBD2_MAGIC.length, within + length)));
    return unescaped;
  }

  /** Closes neither of the sources below. */
  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }
}
