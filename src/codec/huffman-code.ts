/** Canonical Huffman codes as XPRESS and LZX use them: shorter codes first, then by symbol. */
import { CorruptDataError, type CorruptionPlace } from "../errors.ts";

/** Longest code either format can describe, in bits. */
const LONGEST_CODE = 16;

/** A table by the next `maximumLength` bits of the stream. */
export class HuffmanCode {
  readonly maximumLength: number;
  /** Symbol and code length, packed as symbol * 32 + length; 0 where no code leads. */
  readonly #table: Uint32Array;

  /**
   * @param lengths of each symbol's code in bits; 0 for symbols that do not occur
   * @throws CorruptDataError when the codes overlap or leave some bits without a meaning
   */
  constructor(lengths: Uint8Array, maximumLength: number, place: CorruptionPlace) {
    this.maximumLength = maximumLength;
    this.#table = new Uint32Array(2 ** maximumLength);
    const counts = new Uint16Array(LONGEST_CODE + 1);
    for (const length of lengths) counts[length] = (counts[length] as number) + 1;
    let filled = 0;
    for (let length = 1; length <= maximumLength; length++) {
      if (counts[length] === 0) continue;
      const span = 2 ** (maximumLength - length);
      for (let symbol = 0; symbol < lengths.length; symbol++) {
        if (lengths[symbol] !== length) continue;
        if (filled + span > this.#table.length) throw new CorruptDataError(place, "Huffman codes overlap");
        this.#table.fill(symbol * 32 + length, filled, filled + span);
        filled += span;
      }
    }
    // A code without symbols is allowed as long as nothing is decoded with it.
    if (filled !== 0 && filled !== this.#table.length && !isSingle(lengths)) {
      throw new CorruptDataError(place, "Huffman codes are incomplete");
    }
  }

  /** Packed symbol and length for the next bits; 0 when no code begins so. */
  at(bits: number): number {
    return this.#table[bits] as number;
  }
}

/** One symbol with a code of one bit: the other bit has no meaning, and encoders write it so. */
function isSingle(lengths: Uint8Array): boolean {
  return lengths.filter((length) => length !== 0).length === 1;
}
