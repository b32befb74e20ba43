import type { ByteSource } from "../../../source/byte-source.ts";

/** Blocks large enough for the layers below to work in one go, few enough to forget. */
const BLOCK_LENGTH = 512 * 1024;
/** Blocks fetched beyond the one being read. */
const BLOCKS_AHEAD = 2;

/**
 * How many files or directories of a session may hold what was read ahead at once: bounds the memory of a client
 * that opens many. Those beyond it are read exactly as asked.
 */
export class ReadAheadBudget {
  #left: number;

  constructor(handles: number) {
    this.#left = handles;
  }

  tryTake(): boolean {
    if (this.#left === 0) return false;
    this.#left--;
    return true;
  }

  give(): void {
    this.#left++;
  }
}

/**
 * Reads a source for a client that asks for small pieces. Pieces in sequence come from blocks fetched
 * before they are asked for; everything else is read exactly.
 */
export class ReadAhead {
  readonly #source: ByteSource;
  readonly #budget: ReadAheadBudget;
  readonly #signal: AbortSignal;
  readonly #blocks = new Map<number, Promise<Uint8Array>>();
  /** Where block 0 starts; undefined until the client has asked for two pieces in sequence. */
  #base: number | undefined;
  #expectedOffset: number | undefined;

  constructor(source: ByteSource, budget: ReadAheadBudget, signal: AbortSignal) {
    this.#source = source;
    this.#budget = budget;
    this.#signal = signal;
  }

  /** Exactly `length` bytes in pieces; the range must lie inside the source. */
  async read(offset: number, length: number): Promise<readonly Uint8Array[]> {
    const isSequential = offset === this.#expectedOffset;
    this.#expectedOffset = offset + length;
    if (this.#base === undefined && isSequential && this.#budget.tryTake()) this.#base = offset;
    if (this.#base === undefined || !(isSequential || this.#isHeld(this.#base, offset, length))) {
      return [await this.#source.read(offset, length, this.#signal)];
    }
    return this.#readBlocks(this.#base, offset, length);
  }

  /** Forgets the blocks. The source stays open. */
  close(): void {
    if (this.#base !== undefined) this.#budget.give();
    this.#base = undefined;
    this.#expectedOffset = undefined;
    this.#blocks.clear();
  }

  #isHeld(base: number, offset: number, length: number): boolean {
    const first = Math.floor((offset - base) / BLOCK_LENGTH);
    const last = Math.floor((offset + length - 1 - base) / BLOCK_LENGTH);
    return this.#blocks.has(first) && this.#blocks.has(last);
  }

  async #readBlocks(base: number, offset: number, length: number): Promise<readonly Uint8Array[]> {
    const first = Math.floor((offset - base) / BLOCK_LENGTH);
    const last = Math.floor((offset + length - 1 - base) / BLOCK_LENGTH);
    const wanted: Promise<Uint8Array>[] = [];
    for (let index = first; index <= last + BLOCKS_AHEAD; index++) {
      const block = this.#block(base, index);
      if (block !== undefined && index <= last) wanted.push(block);
    }
    this.#forgetOutside(first - 1, last + BLOCKS_AHEAD);
    const blocks = await Promise.all(wanted);
    return blocks.map((block, position) => {
      const blockOffset = base + (first + position) * BLOCK_LENGTH;
      return block.subarray(Math.max(0, offset - blockOffset), Math.max(0, offset + length - blockOffset));
    });
  }

  #block(base: number, index: number): Promise<Uint8Array> | undefined {
    const held = this.#blocks.get(index);
    if (held !== undefined) return held;
    const offset = base + index * BLOCK_LENGTH;
    if (offset >= this.#source.size) return undefined;
    const block = this.#source.read(offset, Math.min(BLOCK_LENGTH, this.#source.size - offset), this.#signal);
    this.#blocks.set(index, block);
    // Whoever asks for the piece sees the failure; asking again tries again.
    block.catch(() => this.#blocks.delete(index));
    return block;
  }

  #forgetOutside(first: number, last: number): void {
    for (const index of this.#blocks.keys()) {
      if (index < first || index > last) this.#blocks.delete(index);
    }
  }
}
