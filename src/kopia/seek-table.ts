import { CorruptDataError, LimitError } from "../errors.ts";
import type { ContentKey } from "./content-id.ts";

/**
 * Which content holds which bytes of an object. Kept in typed arrays: a disk of 1 TiB of zeros has half a
 * million chunks.
 */
export interface SeekTable {
  /** Bytes of the whole object. */
  readonly size: number;
  /** Chunks of at least one byte. */
  readonly count: number;
  /** Index of the chunk that holds the byte at `offset`; 0 <= offset < size. */
  chunkAt(offset: number): number;
  /** First byte of chunk `index`; `startOf(count)` is the size. */
  startOf(index: number): number;
  keyOf(index: number): ContentKey;
  /** The content starts with a compression header of its own (format 1). */
  isCompressed(index: number): boolean;
}

const INITIAL_CAPACITY = 16;

/** Collects chunks in ascending order. */
export class SeekTableBuilder {
  readonly #structure: string;
  readonly #maxEntries: number;
  #starts = new Float64Array(INITIAL_CAPACITY + 1);
  #keys = new Uint8Array(0);
  #compressed = new Uint8Array(INITIAL_CAPACITY);
  #keySize = 0;
  #count = 0;

  /** @param structure names the object in errors */
  constructor(structure: string, maxEntries: number) {
    this.#structure = structure;
    this.#maxEntries = maxEntries;
  }

  /** Bytes so far. */
  get size(): number {
    return this.#starts[this.#count] as number;
  }

  /** @throws CorruptDataError, LimitError */
  add(length: number, key: ContentKey, compressed: boolean): void {
    // Concatenated parts may end in an empty one.
    if (length === 0) return;
    if (this.#count === this.#maxEntries) {
      throw new LimitError("seekTableEntries", this.#maxEntries, `kopia: ${this.#structure}: number of chunks`);
    }
    if (this.#count === 0) {
      this.#keySize = key.length;
      this.#keys = new Uint8Array(key.length * INITIAL_CAPACITY);
    } else if (key.length !== this.#keySize) {
      throw new CorruptDataError({ format: "kopia", structure: this.#structure }, "mixes hashes of different lengths");
    }
    if (this.#count === this.#compressed.length) this.#grow();
    this.#keys.set(key, this.#count * this.#keySize);
    this.#compressed[this.#count] = compressed ? 1 : 0;
    this.#starts[this.#count + 1] = this.size + length;
    this.#count++;
  }

  #grow(): void {
    const capacity = this.#compressed.length * 2;
    const starts = new Float64Array(capacity + 1);
    starts.set(this.#starts);
    const keys = new Uint8Array(capacity * this.#keySize);
    keys.set(this.#keys);
    const compressed = new Uint8Array(capacity);
    compressed.set(this.#compressed);
    [this.#starts, this.#keys, this.#compressed] = [starts, keys, compressed];
  }

  build(): SeekTable {
    const count = this.#count;
    const keySize = this.#keySize;
    const starts = this.#starts.slice(0, count + 1);
    const keys = this.#keys.slice(0, count * keySize);
    const compressed = this.#compressed.slice(0, count);
    return {
      size: this.size,
      count,
      chunkAt: (offset) => lastNotAbove(starts, offset),
      startOf: (index) => starts[index] as number,
      keyOf: (index) => keys.subarray(index * keySize, (index + 1) * keySize),
      isCompressed: (index) => compressed[index] === 1,
    };
  }
}

/** Index of the last element that is <= value; the first element must be. */
function lastNotAbove(ascending: Float64Array, value: number): number {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((ascending[middle] as number) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}
