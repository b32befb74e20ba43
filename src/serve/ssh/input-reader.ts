import { CorruptDataError } from "../../errors.ts";

/** Reads a client's input piece by piece, as far as it is needed and no further. */
export class InputReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #protocol: string;
  #chunk: Uint8Array = Uint8Array.of();
  #position = 0;
  #consumed = 0;

  /** @param protocol its short name, for errors. */
  constructor(input: AsyncIterable<Uint8Array>, protocol: string) {
    this.#chunks = input[Symbol.asyncIterator]();
    this.#protocol = protocol;
  }

  /** Bytes handed out so far. */
  get consumed(): number {
    return this.#consumed;
  }

  /** Bytes that can be had without waiting. */
  get available(): number {
    return this.#chunk.length - this.#position;
  }

  /** How many of the available bytes come before the first such byte: all of them when there is none. */
  countBefore(byte: number): number {
    const index = this.#chunk.indexOf(byte, this.#position);
    return (index < 0 ? this.#chunk.length : index) - this.#position;
  }

  /** At least one byte and at most `length`; undefined at the end of the input. */
  async readSome(length: number): Promise<Uint8Array | undefined> {
    if (this.available === 0 && !(await this.#next())) return undefined;
    return this.take(Math.min(length, this.available));
  }

  /** So many of the available bytes. */
  take(length: number): Uint8Array {
    const bytes = this.#chunk.subarray(this.#position, this.#position + length);
    this.#position += bytes.length;
    this.#consumed += bytes.length;
    return bytes;
  }

  /** @throws CorruptDataError when the input ends before. */
  async readExactly(length: number): Promise<Uint8Array> {
    if (this.available >= length) return this.take(length);
    const bytes = new Uint8Array(length);
    for (let filled = 0; filled < length; ) {
      const piece = await this.readSome(length - filled);
      if (piece === undefined) throw this.cutOff();
      bytes.set(piece, filled);
      filled += piece.length;
    }
    return bytes;
  }

  cutOff(): CorruptDataError {
    const place = { format: this.#protocol, structure: "input", byteOffset: this.#consumed };
    return new CorruptDataError(place, "ends in the middle");
  }

  async #next(): Promise<boolean> {
    do {
      const next = await this.#chunks.next();
      if (next.done === true) return false;
      this.#chunk = next.value;
      this.#position = 0;
    } while (this.#chunk.length === 0);
    return true;
  }
}
