import { CorruptDataError } from "../../../errors.ts";

const LENGTH_BYTES = 4;

/** Cuts a byte stream into SFTP packets (type byte and what follows; without the 32-bit length before them). */
export class PacketReader {
  readonly #maxLength: number;
  readonly #length = Buffer.alloc(LENGTH_BYTES);
  #lengthFilled = 0;
  #packet: Buffer | undefined;
  #packetFilled = 0;

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  /**
   * Yields the packets that `chunk` completes; they may alias it. A bad length is found before anything of
   * that size is allocated, and ends the stream for good.
   * @throws CorruptDataError
   */
  *push(chunk: Uint8Array): Generator<Uint8Array, void, undefined> {
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#packet === undefined) {
        offset = this.#takeLength(chunk, offset);
        if (this.#lengthFilled < LENGTH_BYTES) return;
        const length = this.#checkedLength();
        this.#lengthFilled = 0;
        if (offset + length <= chunk.length) {
          yield chunk.subarray(offset, offset + length);
          offset += length;
          continue;
        }
        this.#packet = Buffer.allocUnsafe(length);
        this.#packetFilled = 0;
      }
      offset = this.#takeBody(this.#packet, chunk, offset);
      if (this.#packetFilled < this.#packet.length) return;
      const complete = this.#packet;
      this.#packet = undefined;
      yield complete;
    }
  }

  #takeLength(chunk: Uint8Array, offset: number): number {
    const count = Math.min(LENGTH_BYTES - this.#lengthFilled, chunk.length - offset);
    this.#length.set(chunk.subarray(offset, offset + count), this.#lengthFilled);
    this.#lengthFilled += count;
    return offset + count;
  }

  #checkedLength(): number {
    const length = this.#length.readUInt32BE(0);
    if (length === 0 || length > this.#maxLength) {
      throw new CorruptDataError(
        { format: "sftp", structure: "packet length" },
        `${length} is not between 1 and ${this.#maxLength}`,
      );
    }
    return length;
  }

  #takeBody(packet: Buffer, chunk: Uint8Array, offset: number): number {
    const count = Math.min(packet.length - this.#packetFilled, chunk.length - offset);
    packet.set(chunk.subarray(offset, offset + count), this.#packetFilled);
    this.#packetFilled += count;
    return offset + count;
  }
}
