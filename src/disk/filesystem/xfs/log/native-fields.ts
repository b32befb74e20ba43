import { LogDamage } from "./log-damage.ts";

/** Fields of a log item's region, in the byte order of the machine that wrote it: little-endian. */
export class NativeFields {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;

  constructor(bytes: Uint8Array, what: string) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
  }

  /** @throws LogDamage */
  #check(offset: number, length: number): void {
    if (offset + length > this.bytes.length)
      throw new LogDamage(0, `${this.#what} of ${this.bytes.length} bytes is cut short`);
  }

  u16(offset: number): number {
    this.#check(offset, 2);
    return this.#view.getUint16(offset, true);
  }

  u32(offset: number): number {
    this.#check(offset, 4);
    return this.#view.getUint32(offset, true);
  }

  u64(offset: number): bigint {
    this.#check(offset, 8);
    return this.#view.getBigUint64(offset, true);
  }

  /** A 64-bit field that counts something. @throws LogDamage for figures beyond 2^53 */
  count(offset: number): number {
    const value = this.u64(offset);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new LogDamage(0, `${this.#what} holds an impossible figure`);
    return Number(value);
  }
}
