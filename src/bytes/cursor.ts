import { CorruptDataError, type CorruptionPlace } from "../errors.ts";

/**
 * Bounds-checked reads from one structure that has already been fetched; no I/O in here. Offsets are bytes
 * from the start of the structure. 64-bit values come out as number and must be safe integers, or as bigint
 * from the `…Big` variants.
 */
export class Cursor {
  readonly bytes: Uint8Array;
  readonly place: CorruptionPlace;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, place: CorruptionPlace) {
    this.bytes = bytes;
    this.place = place;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get length(): number {
    return this.bytes.length;
  }

  /** @throws CorruptDataError naming the range when it does not lie inside the structure. */
  #check(offset: number, length: number): void {
    if (offset < 0 || length < 0 || offset + length > this.bytes.length) {
      throw this.corrupt(`field at ${offset}..${offset + length} lies outside its ${this.bytes.length} bytes`);
    }
  }

  corrupt(problem: string): CorruptDataError {
    return new CorruptDataError(this.place, problem);
  }

  u8(offset: number): number {
    this.#check(offset, 1);
    return this.#view.getUint8(offset);
  }

  u16le(offset: number): number {
    this.#check(offset, 2);
    return this.#view.getUint16(offset, true);
  }

  u16be(offset: number): number {
    this.#check(offset, 2);
    return this.#view.getUint16(offset, false);
  }

  u32le(offset: number): number {
    this.#check(offset, 4);
    return this.#view.getUint32(offset, true);
  }

  u32be(offset: number): number {
    this.#check(offset, 4);
    return this.#view.getUint32(offset, false);
  }

  i32le(offset: number): number {
    this.#check(offset, 4);
    return this.#view.getInt32(offset, true);
  }

  u64leBig(offset: number): bigint {
    this.#check(offset, 8);
    return this.#view.getBigUint64(offset, true);
  }

  u64beBig(offset: number): bigint {
    this.#check(offset, 8);
    return this.#view.getBigUint64(offset, false);
  }

  u64le(offset: number): number {
    return this.#safe(this.u32le(offset + 4), this.u32le(offset), offset);
  }

  u64be(offset: number): number {
    return this.#safe(this.u32be(offset), this.u32be(offset + 4), offset);
  }

  #safe(high: number, low: number, offset: number): number {
    const value = high * 0x1_0000_0000 + low;
    if (!Number.isSafeInteger(value)) throw this.corrupt(`64-bit field at ${offset} is implausibly large`);
    return value;
  }

  /** A view, not a copy. */
  slice(offset: number, length: number): Uint8Array {
    this.#check(offset, length);
    return this.bytes.subarray(offset, offset + length);
  }

  /** The bytes as Latin-1 text, for magics and ASCII fields; cut at the first NUL. */
  ascii(offset: number, length: number): string {
    const field = this.slice(offset, length);
    const end = field.indexOf(0);
    return String.fromCharCode(...(end < 0 ? field : field.subarray(0, end)));
  }
}
