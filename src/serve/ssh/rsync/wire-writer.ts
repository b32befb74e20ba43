import { setTimeout as sleep } from "node:timers/promises";
import type { SessionStream } from "../session-stream.ts";
import { FileIndex, FRAME_BASE, Message } from "./protocol.ts";

const BUFFER_LENGTH = 64 * 1024;
/** Pieces from this length on are sent from where they are. */
const LARGE_PIECE = 16 * 1024;

/** Numbers and bytes as rsync sends them, gathered into frames of the multiplexed stream; io.c. */
export class WireWriter {
  readonly #stream: SessionStream;
  #version: number;
  #isMultiplexed = false;
  /** Bytes a second, and where and when counting them began. */
  #limit: { readonly rate: number; readonly from: number; readonly since: number } | undefined;
  #buffer = Buffer.allocUnsafe(BUFFER_LENGTH);
  #length = 0;
  #written = 0;
  #drainedAt = 0;
  #lastPositiveIndex = -1;
  #lastNegativeIndex = 1;

  constructor(stream: SessionStream, version: number) {
    this.#stream = stream;
    this.#version = version;
  }

  /** Of the protocol; decides about the form of some numbers. */
  set version(version: number) {
    this.#version = version;
  }

  get bytesWritten(): number {
    return this.#written + this.#length;
  }

  /** From now on sends no more than so many bytes a second, on average. */
  limitRate(rate: number): void {
    this.#limit = { rate, from: this.bytesWritten, since: performance.now() };
  }

  startMultiplexing(): void {
    this.flush();
    this.#isMultiplexed = true;
  }

  /** Hands what was gathered to the stream. */
  flush(): void {
    this.#send(Uint8Array.of());
  }

  /** Waits until the client has taken enough; call between pieces of anything long. */
  async drain(): Promise<void> {
    this.flush();
    this.#drainedAt = this.#written;
    await this.#stream.drain();
    if (this.#limit !== undefined) {
      const due = this.#limit.since + ((this.#written - this.#limit.from) / this.#limit.rate) * 1000;
      if (due > performance.now()) await sleep(due - performance.now(), undefined, { signal: this.#stream.signal });
    }
    this.#stream.signal.throwIfAborted();
  }

  /** Like `drain`, but only when much was gathered or sent since. */
  async drainWhenFull(): Promise<void> {
    if (this.bytesWritten - this.#drainedAt >= BUFFER_LENGTH / 2) await this.drain();
  }

  /** A frame that is not data: a sentence for the user, a number for the client. */
  message(kind: number, payload: Uint8Array): void {
    if (!this.#isMultiplexed) return;
    this.flush();
    this.#sendFrame(kind, [payload]);
  }

  numberMessage(kind: number, value: number): void {
    const payload = Buffer.alloc(4);
    payload.writeInt32LE(value, 0);
    this.message(kind, payload);
  }

  /** Shows a waiting client that there is still somebody here. */
  keepAlive(): void {
    this.message(Message.DATA, Uint8Array.of());
  }

  /** The bytes must not change afterwards. */
  bytes(bytes: Uint8Array): void {
    if (bytes.length >= LARGE_PIECE) {
      this.#send(bytes);
      return;
    }
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
  }

  int16(value: number): void {
    this.byte(value & 0xff);
    this.byte((value >> 8) & 0xff);
  }

  int32(value: number): void {
    this.#reserve(4);
    this.#length = this.#buffer.writeInt32LE(value | 0, this.#length);
  }

  /** Signed 32 bits in one to five bytes. */
  varint(value: number): void {
    this.#variable(BigInt.asUintN(32, BigInt(value | 0)), 4, 1);
  }

  /** Signed 64 bits in `minimum` to nine bytes. */
  varlong(value: bigint, minimum: number): void {
    this.#variable(BigInt.asUintN(64, value), 8, minimum);
  }

  /** `varint` since version 30, 32 bits before. */
  varint30(value: number): void {
    if (this.#version < 30) this.int32(value);
    else this.varint(value);
  }

  /** `varlong` since version 30, before 32 bits where they suffice. */
  varlong30(value: bigint, minimum: number): void {
    if (this.#version < 30) this.longint(value);
    else this.varlong(value, minimum);
  }

  longint(value: bigint): void {
    if (value >= 0n && value <= 0x7fff_ffffn) {
      this.int32(Number(value));
      return;
    }
    this.int32(-1);
    this.#reserve(8);
    this.#length = this.#buffer.writeBigInt64LE(BigInt.asIntN(64, value), this.#length);
  }

  /** At most 32,767 bytes with their length. */
  vstring(bytes: Uint8Array): void {
    if (bytes.length > 0x7f) this.byte((bytes.length >> 8) + 0x80);
    this.byte(bytes.length & 0xff);
    this.bytes(bytes);
  }

  /** Of a file, or a negative one of FileIndex; since version 30 as the difference to the one before. */
  fileIndex(index: number): void {
    if (this.#version < 30) {
      this.int32(index);
      return;
    }
    if (index === FileIndex.DONE) {
      this.byte(0);
      return;
    }
    let difference: number;
    if (index >= 0) {
      difference = index - this.#lastPositiveIndex;
      this.#lastPositiveIndex = index;
    } else {
      this.byte(0xff);
      difference = -index - this.#lastNegativeIndex;
      this.#lastNegativeIndex = -index;
    }
    this.#indexDifference(Math.abs(index), difference);
  }

  #indexDifference(index: number, difference: number): void {
    if (difference > 0 && difference < 0xfe) {
      this.byte(difference);
      return;
    }
    this.byte(0xfe);
    if (difference < 0 || difference > 0x7fff) {
      this.byte((index >>> 24) | 0x80);
      this.byte(index & 0xff);
      this.int16(index >>> 8);
    } else {
      this.byte(difference >> 8);
      this.byte(difference & 0xff);
    }
  }

  /**
   * Little-endian bytes behind a first one, which holds the highest byte and, as leading ones, how many
   * bytes follow beyond the minimum.
   */
  #variable(value: bigint, bytes: number, minimum: number): void {
    const little = Buffer.alloc(9);
    little.writeBigUInt64LE(value, 1);
    let count = bytes;
    while (count > minimum && little[count] === 0) count--;
    const bit = 1 << (7 - count + minimum);
    const highest = little[count] ?? 0;
    if (highest >= bit) {
      count++;
      little[0] = ~(bit - 1) & 0xff;
    } else {
      little[0] = count > minimum ? (highest | ~(bit * 2 - 1)) & 0xff : highest;
    }
    this.bytes(little.subarray(0, count));
  }

  #reserve(length: number): void {
    if (this.#length + length > this.#buffer.length) this.flush();
  }

  #send(piece: Uint8Array): void {
    const gathered = this.#buffer.subarray(0, this.#length);
    if (gathered.length + piece.length === 0) return;
    if (gathered.length > 0) {
      this.#buffer = Buffer.allocUnsafe(BUFFER_LENGTH);
      this.#length = 0;
    }
    if (this.#isMultiplexed) this.#sendFrame(Message.DATA, [gathered, piece]);
    else this.#write([gathered, piece]);
  }

  #sendFrame(kind: number, pieces: readonly Uint8Array[]): void {
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const header = Buffer.alloc(4);
    header.writeUInt32LE(((FRAME_BASE + kind) << 24) | length, 0);
    this.#write([header, ...pieces]);
  }

  #write(pieces: readonly Uint8Array[]): void {
    for (const piece of pieces) {
      if (piece.length === 0) continue;
      this.#written += piece.length;
      this.#stream.write(piece);
    }
  }
}
