/** Bits from 16-bit little-endian words, highest first, with bytes in between ([MS-XCA] section 2.2, [MS-PATCH] 2.1). */
import { CorruptDataError, type CorruptionPlace } from "../errors.ts";
import type { HuffmanCode } from "./huffman-code.ts";

export class BitReader {
  readonly place: CorruptionPlace;
  readonly #input: Uint8Array;
  #position: number;
  /** At most 32 bits, the next one highest of `#count`. */
  #bits = 0;
  #count = 0;

  constructor(input: Uint8Array, offset: number, place: CorruptionPlace) {
    this.#input = input;
    this.#position = offset;
    this.place = place;
  }

  corrupt(problem: string): CorruptDataError {
    return new CorruptDataError(this.place, problem);
  }

  /** Makes sure that `count` (up to 16) bits are there; behind the end they are zeros, which the length checks catch. */
  ensure(count: number): void {
    if (this.#count >= count) return;
    const low = this.#input[this.#position] ?? 0;
    const high = this.#input[this.#position + 1] ?? 0;
    this.#bits = ((this.#bits << 16) | (high << 8) | low) >>> 0;
    this.#position += 2;
    this.#count += 16;
  }

  peek(count: number): number {
    return count === 0 ? 0 : (this.#bits >>> (this.#count - count)) & ((1 << count) - 1);
  }

  skip(count: number): void {
    this.#count -= count;
  }

  /** Up to 16 bits, ensured before they are taken. */
  take(count: number): number {
    this.ensure(count);
    const value = this.peek(count);
    this.skip(count);
    return value;
  }

  /** @throws CorruptDataError when no symbol has the bits that follow, or the input has ended */
  symbol(code: HuffmanCode): number {
    this.ensure(code.maximumLength);
    const packed = code.at(this.peek(code.maximumLength));
    if (packed === 0) throw this.corrupt("bits without a meaning");
    this.skip(packed & 31);
    // Two words may be read ahead before the last symbol is complete.
    if (this.#position > this.#input.length + 4) throw this.corrupt("compressed data ends early");
    return Math.floor(packed / 32);
  }

  /** The next whole byte at the position up to which words have been read. */
  byte(): number {
    const value = this.#input[this.#position];
    if (value === undefined) throw this.corrupt("compressed data ends early");
    this.#position++;
    return value;
  }

  u16le(): number {
    return this.byte() | (this.byte() << 8);
  }

  /** Goes to the next word; when one ends here, a whole one is padding. */
  align(): void {
    this.#position -= (this.#count >>> 4) * 2;
    if (this.#count % 16 === 0) this.#position += 2;
    this.#bits = 0;
    this.#count = 0;
  }

  bytes(length: number): Uint8Array {
    if (this.#position + length > this.#input.length) throw this.corrupt("compressed data ends early");
    const bytes = this.#input.subarray(this.#position, this.#position + length);
    this.#position += length;
    return bytes;
  }
}
