import { CorruptDataError, LimitError } from "../errors.ts";

/** Takes exact counts of bytes off a stream of chunks of any size. */
export class ByteQueue {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #maximum: number;
  #current: Uint8Array = new Uint8Array(0);
  #received = 0;

  /** @param maximum bytes of the whole stream. */
  constructor(chunks: AsyncIterable<Uint8Array>, maximum: number) {
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.#maximum = maximum;
  }

  /** Bytes taken or skipped so far. */
  get offset(): number {
    return this.#received - this.#current.length;
  }

  /** @throws CorruptDataError when the stream ends before. */
  async take(length: number): Promise<Uint8Array> {
    if (this.#current.length >= length) return this.#advance(length);
    const parts: Uint8Array[] = [];
    for (let missing = length; missing > 0; ) {
      if (this.#current.length === 0) await this.#receiveMore();
      const part = this.#advance(Math.min(missing, this.#current.length));
      parts.push(part);
      missing -= part.length;
    }
    return Buffer.concat(parts, length);
  }

  /** As take, without holding the bytes. */
  async skip(length: number): Promise<void> {
    for (let missing = length; missing > 0; ) {
      if (this.#current.length === 0) await this.#receiveMore();
      missing -= this.#advance(Math.min(missing, this.#current.length)).length;
    }
  }

  /** Reads to the end of the stream, so that what checks it at its end (gzip's CRC) has its say. */
  async drain(): Promise<void> {
    while (await this.#receive()) this.#current = this.#current.subarray(this.#current.length);
  }

  #advance(length: number): Uint8Array {
    const taken = this.#current.subarray(0, length);
    this.#current = this.#current.subarray(length);
    return taken;
  }

  async #receiveMore(): Promise<void> {
    if (await this.#receive()) return;
    throw new CorruptDataError({ format: "tar", structure: "archive", byteOffset: this.#received }, "ends too early");
  }

  /** False at the end of the stream. */
  async #receive(): Promise<boolean> {
    const { value, done } = await this.#chunks.next();
    if (done === true) return false;
    this.#current = value;
    this.#received += value.length;
    if (this.#received > this.#maximum) throw new LimitError("tarball", this.#maximum, "tar archive");
    return true;
  }
}
