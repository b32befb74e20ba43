/** rsync's algorithm: which blocks of the client's copy are somewhere in a file; match.c, tech_report. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { ByteSource } from "../../../source/byte-source.ts";
import { readSequentially } from "../sequential-read.ts";
import type { BlockSums } from "./block-sums.ts";
import type { Checksum, RunningChecksum } from "./checksum.ts";
import type { TokenWriter } from "./token-writer.ts";

/** Bytes found to be new are sent when so many have gathered. */
const LITERAL_LENGTH = 128 * 1024;
/** Blocks with the same weak checksum that are looked at for one place. */
const MAX_CANDIDATES = 1024;

export interface DeltaOptions {
  readonly checksum: Checksum;
  /** The client overwrites its copy from the start on: blocks behind the place they are needed are gone. */
  readonly isInPlace: boolean;
  readonly signal: AbortSignal;
}

/** Sends a file as blocks the client has and literal data between them. */
export async function sendDelta(
  source: ByteSource,
  blocks: BlockSums & { readonly sums: NonNullable<BlockSums["sums"]> },
  tokens: TokenWriter,
  total: RunningChecksum,
  options: DeltaOptions,
): Promise<void> {
  const search = new BlockSearch(blocks, options);
  const pieces = readSequentially(source, options.signal);
  try {
    const window = new Window(source.size);
    for (let isAtEnd = false; !isAtEnd; ) {
      const piece = await pieces.next();
      isAtEnd = piece.done === true;
      if (piece.done !== true) window.append(piece.value);
      for (const found of search.run(window, isAtEnd)) {
        total.update(found.literal);
        await tokens.literal(found.literal);
        if (found.block === undefined) continue;
        total.update(found.block.bytes);
        tokens.block(found.block.index);
      }
      await nextTurn();
    }
  } finally {
    await pieces.return();
  }
}

interface Found {
  /** New bytes before the block. */
  readonly literal: Uint8Array;
  readonly block?: { readonly index: number; readonly bytes: Uint8Array };
}

/** The part of the file that is looked at: from what has not been sent yet to what was read last. */
class Window {
  /** Bytes of the whole file. */
  readonly size: number;
  bytes: Uint8Array = Uint8Array.of();
  /** Offset of the window's first byte in the file. */
  start = 0;

  constructor(size: number) {
    this.size = size;
  }

  append(piece: Uint8Array): void {
    this.bytes = this.bytes.length === 0 ? piece : Buffer.concat([this.bytes, piece]);
  }

  /** Forgets the first bytes. */
  drop(count: number): void {
    this.bytes = this.bytes.subarray(count);
    this.start += count;
  }
}

class BlockSearch {
  readonly #blocks: BlockSums;
  readonly #weak: Uint32Array;
  readonly #strong: Uint8Array;
  readonly #options: DeltaOptions;
  readonly #mask: number;
  /** First block of each bucket, and the next one of each block; -1 for none. */
  readonly #heads: Int32Array;
  readonly #chain: Int32Array;
  /** From the window's start. */
  #position = 0;
  #low = 0;
  #high = 0;
  #summed = 0;
  #wanted = 0;

  constructor(blocks: BlockSums & { readonly sums: NonNullable<BlockSums["sums"]> }, options: DeltaOptions) {
    this.#blocks = blocks;
    this.#weak = blocks.sums.weak;
    this.#strong = blocks.sums.strong;
    this.#options = options;
    const buckets = 2 ** Math.max(12, Math.ceil(Math.log2(blocks.count * 2)));
    this.#mask = buckets - 1;
    this.#heads = new Int32Array(buckets).fill(-1);
    this.#chain = new Int32Array(blocks.count);
    for (let index = blocks.count - 1; index >= 0; index--) {
      const bucket = this.#bucket(this.#weak[index] ?? 0);
      this.#chain[index] = this.#heads[bucket] ?? -1;
      this.#heads[bucket] = index;
    }
  }

  /** Everything that can be said about the window; keeps what a block may still begin in unless this is the end. */
  *run(window: Window, isAtEnd: boolean): Generator<Found, void, undefined> {
    const { blockLength } = this.#blocks;
    const shortest = this.#lengthOf(this.#blocks.count - 1);
    for (;;) {
      const left = window.bytes.length - this.#position;
      if (left < (isAtEnd ? shortest : blockLength + 1)) break;
      const index = this.#advance(window, isAtEnd);
      const literal = window.bytes.subarray(0, this.#position);
      if (index === undefined) {
        if (literal.length < LITERAL_LENGTH) continue;
        yield { literal };
        window.drop(literal.length);
      } else {
        const length = this.#lengthOf(index);
        yield { literal, block: { index, bytes: window.bytes.subarray(this.#position, this.#position + length) } };
        window.drop(literal.length + length);
        this.#summed = 0;
        this.#wanted = index + 1;
      }
      this.#position = 0;
    }
    if (isAtEnd) yield { literal: window.bytes };
  }

  /** Goes on to the next place where a block is (and returns its number), where data ends, or literals are enough. */
  #advance(window: Window, isAtEnd: boolean): number | undefined {
    const { bytes } = window;
    const { blockLength } = this.#blocks;
    const end = isAtEnd ? bytes.length + 1 - this.#lengthOf(this.#blocks.count - 1) : bytes.length - blockLength;
    const stop = Math.min(end, LITERAL_LENGTH);
    if (this.#summed === 0) this.#sum(bytes.subarray(this.#position, this.#position + blockLength));
    let position = this.#position;
    let length = this.#summed;
    let low = this.#low;
    let high = this.#high;
    let found: number | undefined;
    for (;;) {
      const weak = ((low & 0xffff) | (high << 16)) >>> 0;
      if ((this.#heads[this.#bucket(weak)] ?? -1) >= 0) {
        found = this.#find(weak, bytes.subarray(position, position + length), window.start + position);
        if (found !== undefined) break;
      }
      // The first byte leaves the sum, signed as in C, and the next one enters while there is one.
      const leaving = ((bytes[position] ?? 0) << 24) >> 24;
      low = (low - leaving) | 0;
      high = (high - length * leaving) | 0;
      if (position + length < bytes.length) {
        low = (low + (((bytes[position + length] ?? 0) << 24) >> 24)) | 0;
        high = (high + low) | 0;
      } else length--;
      position++;
      if (position >= stop) break;
    }
    this.#position = position;
    this.#summed = length;
    this.#low = low;
    this.#high = high;
    return found;
  }

  #sum(bytes: Uint8Array): void {
    let low = 0;
    let high = 0;
    for (const byte of bytes) {
      low = (low + ((byte << 24) >> 24)) | 0;
      high = (high + low) | 0;
    }
    this.#low = low;
    this.#high = high;
    this.#summed = bytes.length;
  }

  #find(weak: number, bytes: Uint8Array, offset: number): number | undefined {
    let strong: Uint8Array | undefined;
    const isSame = (index: number) => {
      if (this.#weak[index] !== weak || this.#lengthOf(index) !== bytes.length) return false;
      if (this.#options.isInPlace && index * this.#blocks.blockLength < offset) return false;
      strong ??= this.#options.checksum.ofBlock(bytes);
      return this.#hasStrong(index, strong);
    };
    // Neighbouring blocks make the shortest stream.
    if (this.#wanted < this.#blocks.count && isSame(this.#wanted)) return this.#wanted;
    let index = this.#heads[this.#bucket(weak)] ?? -1;
    for (let candidates = 0; index >= 0 && candidates < MAX_CANDIDATES; candidates++) {
      if (isSame(index)) return index;
      index = this.#chain[index] ?? -1;
    }
    return undefined;
  }

  #hasStrong(index: number, strong: Uint8Array): boolean {
    const { strongLength } = this.#blocks;
    for (let position = 0; position < strongLength; position++) {
      if (this.#strong[index * strongLength + position] !== strong[position]) return false;
    }
    return true;
  }

  #lengthOf(index: number): number {
    const { count, remainder, blockLength } = this.#blocks;
    return index === count - 1 && remainder !== 0 ? remainder : blockLength;
  }

  #bucket(weak: number): number {
    return (weak ^ (weak >>> 16) ^ (weak >>> 7)) & this.#mask;
  }
}
