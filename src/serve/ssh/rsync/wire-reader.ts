import { CorruptDataError, LimitError } from "../../../errors.ts";
import type { InputReader } from "../input-reader.ts";
import { FileIndex, FRAME_BASE, Message } from "./protocol.ts";

/** The client has ended the transfer by itself. */
export class ClientGaveUp extends Error {}

/** Bytes of a message that is not data; io.c has buffers of this order. */
const LONGEST_MESSAGE = 64 * 1024;

/** Numbers and bytes as rsync's clients send them, out of frames once they send frames; io.c. */
export class WireReader {
  readonly #input: InputReader;
  readonly #beforeWaiting: () => void;
  #version: number;
  #isMultiplexed = false;
  /** Bytes of data left in the current frame. */
  #frame = 0;
  #lastPositiveIndex = -1;
  #lastNegativeIndex = 1;

  /** @param beforeWaiting called when the client has to send first, so that nothing it waits for is kept back. */
  constructor(input: InputReader, version: number, beforeWaiting: () => void) {
    this.#input = input;
    this.#version = version;
    this.#beforeWaiting = beforeWaiting;
  }

  set version(version: number) {
    this.#version = version;
  }

  set isMultiplexed(isMultiplexed: boolean) {
    this.#isMultiplexed = isMultiplexed;
  }

  get bytesRead(): number {
    return this.#input.consumed;
  }

  /** Whether data is at hand; messages, after which the client may wait for an answer, do not count. */
  get hasData(): boolean {
    return this.#isMultiplexed && this.#frame > 0 && this.#input.available > 0;
  }

  async bytes(length: number): Promise<Uint8Array> {
    if (!this.#isMultiplexed) return this.#raw(length);
    if (this.#frame === 0) await this.#nextFrame();
    if (this.#frame >= length) {
      this.#frame -= length;
      return this.#raw(length);
    }
    const bytes = new Uint8Array(length);
    for (let filled = 0; filled < length; ) {
      if (this.#frame === 0) await this.#nextFrame();
      const count = Math.min(length - filled, this.#frame);
      bytes.set(await this.#raw(count), filled);
      this.#frame -= count;
      filled += count;
    }
    return bytes;
  }

  async byte(): Promise<number> {
    return (await this.bytes(1))[0] ?? 0;
  }

  async int16(): Promise<number> {
    const [low = 0, high = 0] = await this.bytes(2);
    return low | (high << 8);
  }

  async int32(): Promise<number> {
    return view(await this.bytes(4)).getInt32(0, true);
  }

  async varint(): Promise<number> {
    const first = await this.byte();
    const extra = countLeadingOnes(first);
    if (extra > 4) throw this.corrupt("a number of more than 32 bits");
    const rest = await this.bytes(extra);
    let value = (first & ((1 << (8 - extra)) - 1)) * 2 ** (8 * extra);
    for (const [position, byte] of rest.entries()) value += byte * 2 ** (8 * position);
    return Number(BigInt.asIntN(32, BigInt(value)));
  }

  async vstring(longest: number): Promise<Uint8Array> {
    const first = await this.byte();
    const length = (first & 0x80) === 0 ? first : ((first & 0x7f) << 8) | (await this.byte());
    if (length > longest) throw this.corrupt(`a string of ${length} bytes`);
    return this.bytes(length);
  }

  /** What comes before the next NUL, which is taken too. @throws LimitError when it is longer. */
  async line(longest: number): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    let length = 0;
    for (let first = await this.bytes(1); first[0] !== 0; first = await this.bytes(1)) {
      const rest = this.#takeBefore(0);
      length += 1 + rest.length;
      if (length > longest) throw new LimitError("argument", longest, "bytes of an argument");
      pieces.push(first, rest);
    }
    return Buffer.concat(pieces, length);
  }

  #takeBefore(byte: number): Uint8Array {
    const count = this.#input.countBefore(byte);
    if (!this.#isMultiplexed) return this.#input.take(count);
    const bytes = this.#input.take(Math.min(count, this.#frame));
    this.#frame -= bytes.length;
    return bytes;
  }

  /** Of a file, or a negative one of FileIndex. */
  async fileIndex(): Promise<number> {
    if (this.#version < 30) return this.int32();
    const first = await this.byte();
    if (first === 0) return FileIndex.DONE;
    const isNegative = first === 0xff;
    const difference = isNegative ? await this.byte() : first;
    const index = await this.#differenceTo(isNegative ? this.#lastNegativeIndex : this.#lastPositiveIndex, difference);
    if (index > 0x7fff_ffff) throw this.corrupt(`file index ${index}`);
    if (isNegative) this.#lastNegativeIndex = index;
    else this.#lastPositiveIndex = index;
    return isNegative ? -index : index;
  }

  async #differenceTo(last: number, difference: number): Promise<number> {
    if (difference !== 0xfe) return last + difference;
    const [high = 0, low = 0] = await this.bytes(2);
    if ((high & 0x80) === 0) return last + (high << 8) + low;
    const [second = 0, third = 0] = await this.bytes(2);
    return (high & 0x7f) * 0x100_0000 + low + second * 0x100 + third * 0x1_0000;
  }

  corrupt(problem: string): CorruptDataError {
    return new CorruptDataError({ format: "rsync", structure: "input", byteOffset: this.#input.consumed }, problem);
  }

  async #raw(length: number): Promise<Uint8Array> {
    if (this.#input.available < length) this.#beforeWaiting();
    return this.#input.readExactly(length);
  }

  /** Goes to the next frame with data; what clients say otherwise does not concern a sender. */
  async #nextFrame(): Promise<void> {
    while (this.#frame === 0) {
      const header = view(await this.#raw(4)).getUint32(0, true);
      const kind = (header >>> 24) - FRAME_BASE;
      const length = header & 0xff_ffff;
      if (kind === Message.DATA) {
        this.#frame = length;
        continue;
      }
      if (length > LONGEST_MESSAGE) throw new LimitError("message", LONGEST_MESSAGE, "message from the client");
      await this.#raw(length);
      if (kind === Message.ERROR_EXIT) throw new ClientGaveUp();
      if (!IGNORED_MESSAGES.has(kind)) throw this.corrupt(`message of unknown kind ${kind}`);
    }
  }
}

const IGNORED_MESSAGES: ReadonlySet<number> = new Set([
  Message.ERROR_XFER,
  Message.INFO,
  Message.ERROR,
  Message.WARNING,
  Message.IO_ERROR,
  Message.NOOP,
  Message.SUCCESS,
  Message.DELETED,
  Message.NO_SEND,
]);

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function countLeadingOnes(byte: number): number {
  return Math.clz32(~(byte << 24));
}
