import { Cursor } from "../../../bytes/cursor.ts";

/** Takes the fields of one packet in order. @throws CorruptDataError where a field is cut off. */
export class FieldReader {
  readonly #cursor: Cursor;
  #offset: number;

  constructor(packet: Uint8Array, offset: number, structure: string) {
    this.#cursor = new Cursor(packet, { format: "sftp", structure });
    this.#offset = offset;
  }

  uint32(): number {
    const value = this.#cursor.u32be(this.#offset);
    this.#offset += 4;
    return value;
  }

  uint64(): bigint {
    const value = this.#cursor.u64beBig(this.#offset);
    this.#offset += 8;
    return value;
  }

  /** A view into the packet. */
  string(): Uint8Array {
    const length = this.uint32();
    const value = this.#cursor.slice(this.#offset, length);
    this.#offset += length;
    return value;
  }
}
