/**
 * Deflates a file piece by piece. Every piece is a run of blocks of its own that ends on a byte (RFC 1951), so
 * pieces are compressed in parallel and simply follow each other, and a mebibyte of a hole is always the same bytes.
 */
import { promisify } from "node:util";
import { constants, crc32, deflateRaw, deflateRawSync } from "node:zlib";
import { contentPieces, type PreparedContent } from "../prepared-entry.ts";
import type { ZipSizes } from "./zip-records.ts";

const deflatePiece = promisify<Uint8Array, { finishFlush: number }, Buffer>(deflateRaw);
/** Ends on a byte and leaves the stream open for more. */
const OPEN_END = { finishFlush: constants.Z_FULL_FLUSH };
/** A last, empty block. */
const END = Uint8Array.of(0x03, 0x00);
/** Pieces being compressed at the same time; the thread pool has four threads. */
const AT_ONCE = 4;

const ZERO_RUN = 1024 * 1024;
const zeros = Buffer.alloc(ZERO_RUN);

interface DeflatedPiece {
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly deflated: Promise<Uint8Array>;
}

export class DeflatedContent implements ZipSizes {
  crc = 0;
  compressedSize = 0;
  size = 0;
  readonly #content: PreparedContent;

  constructor(content: PreparedContent) {
    this.#content = content;
  }

  /** The sizes and the checksum are complete when the last chunk is out. @throws what reading throws. */
  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    const ahead: DeflatedPiece[] = [];
    for await (const { offset, bytes } of contentPieces(this.#content)) {
      const deflated = deflatePiece(bytes, OPEN_END);
      // Awaited in its turn; until then a failure is nobody's unhandled rejection.
      deflated.catch(() => undefined);
      ahead.push({ offset, bytes, deflated });
      const first = ahead.length < AT_ONCE ? undefined : ahead.shift();
      if (first !== undefined) yield* this.#piece(first);
    }
    for (const piece of ahead) yield* this.#piece(piece);
    yield* this.#hole(this.#content.size);
    yield this.#count(END);
  }

  async *#piece({ offset, bytes, deflated }: DeflatedPiece): AsyncGenerator<Uint8Array, void, undefined> {
    yield* this.#hole(offset);
    this.crc = crc32(bytes, this.crc);
    this.size += bytes.length;
    yield this.#count(await deflated);
  }

  *#hole(end: number): Generator<Uint8Array, void, undefined> {
    for (; end - this.size >= ZERO_RUN; this.size += ZERO_RUN) {
      this.crc = crcBehindZeroRun(this.crc);
      yield this.#count(deflatedZeroRun());
    }
    const rest = zeros.subarray(0, end - this.size);
    if (rest.length === 0) return;
    this.crc = crc32(rest, this.crc);
    this.size += rest.length;
    yield this.#count(deflateRawSync(rest, OPEN_END));
  }

  #count(chunk: Uint8Array): Uint8Array {
    this.compressedSize += chunk.length;
    return chunk;
  }
}

let zeroRun: Uint8Array | undefined;

function deflatedZeroRun(): Uint8Array {
  zeroRun ??= deflateRawSync(zeros, OPEN_END);
  return zeroRun;
}

let zeroRunOperator: { readonly ofZero: number; readonly ofBits: readonly number[] } | undefined;

/** CRC-32 after a mebibyte of zeros, from the one before: a linear map of its bits, but for a constant. */
function crcBehindZeroRun(crc: number): number {
  if (zeroRunOperator === undefined) {
    const ofZero = crc32(zeros, 0);
    const ofBits = Array.from({ length: 32 }, (_, bit) => crc32(zeros, (1 << bit) >>> 0) ^ ofZero);
    zeroRunOperator = { ofZero, ofBits };
  }
  let result = zeroRunOperator.ofZero;
  for (const [bit, image] of zeroRunOperator.ofBits.entries()) if ((crc >>> bit) & 1) result ^= image;
  return result >>> 0;
}
