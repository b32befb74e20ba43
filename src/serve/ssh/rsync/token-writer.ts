/** The stream of literal data and references to blocks the client has; token.c. */
import type { PieceCompressor } from "./compression.ts";
import { MAX_COMPRESSED_LENGTH } from "./protocol.ts";
import type { WireWriter } from "./wire-writer.ts";

/** One file's tokens. Blocks are numbers of the client's list of checksums. */
export interface TokenWriter {
  literal(piece: Uint8Array): Promise<void>;
  block(index: number): void;
  end(): void;
}

export function createTokenWriter(writer: WireWriter, compressor: PieceCompressor | undefined): TokenWriter {
  return compressor === undefined ? new PlainTokens(writer) : new CompressedTokens(writer, compressor);
}

class PlainTokens implements TokenWriter {
  readonly #writer: WireWriter;

  constructor(writer: WireWriter) {
    this.#writer = writer;
  }

  async literal(piece: Uint8Array): Promise<void> {
    if (piece.length === 0) return;
    this.#writer.int32(piece.length);
    this.#writer.bytes(piece);
    await this.#writer.drainWhenFull();
  }

  block(index: number): void {
    this.#writer.int32(-(index + 1));
  }

  end(): void {
    this.#writer.int32(0);
  }
}

const Flag = {
  END: 0,
  TOKEN_LONG: 0x20,
  RUN_LONG: 0x21,
  DATA: 0x40,
  TOKEN_RELATIVE: 0x80,
  RUN_RELATIVE: 0xc0,
} as const;
const MAX_RUN = 65_536;
const MAX_RELATIVE = 63;

/** Runs of neighbouring blocks are one token; compressed pieces are cut to what a length field can say. */
class CompressedTokens implements TokenWriter {
  readonly #writer: WireWriter;
  readonly #compressor: PieceCompressor;
  #run: { readonly start: number; end: number } | undefined;
  #lastRunEnd = 0;
  #owesTrailer = false;

  constructor(writer: WireWriter, compressor: PieceCompressor) {
    this.#writer = writer;
    this.#compressor = compressor;
  }

  async literal(piece: Uint8Array): Promise<void> {
    if (piece.length === 0) return;
    this.#endRun();
    for (const part of await this.#compressor.compress(piece)) {
      this.#data(this.#owesTrailer ? Buffer.concat([this.#compressor.trailer, part]) : part);
      this.#owesTrailer = true;
    }
    await this.#writer.drainWhenFull();
  }

  block(index: number): void {
    this.#owesTrailer = false;
    if (this.#run !== undefined && index === this.#run.end + 1 && index < this.#run.start + MAX_RUN) {
      this.#run.end = index;
      return;
    }
    this.#endRun();
    this.#run = { start: index, end: index };
  }

  end(): void {
    this.#endRun();
    this.#writer.byte(Flag.END);
  }

  #endRun(): void {
    const run = this.#run;
    if (run === undefined) return;
    this.#run = undefined;
    const distance = run.start - this.#lastRunEnd;
    const length = run.end - run.start;
    if (distance >= 0 && distance <= MAX_RELATIVE) {
      this.#writer.byte((length === 0 ? Flag.TOKEN_RELATIVE : Flag.RUN_RELATIVE) + distance);
    } else {
      this.#writer.byte(length === 0 ? Flag.TOKEN_LONG : Flag.RUN_LONG);
      this.#writer.int32(run.start);
    }
    if (length !== 0) this.#writer.int16(length);
    this.#lastRunEnd = run.end;
  }

  #data(bytes: Uint8Array): void {
    for (let offset = 0; offset < bytes.length; offset += MAX_COMPRESSED_LENGTH) {
      const part = bytes.subarray(offset, offset + MAX_COMPRESSED_LENGTH);
      this.#writer.byte(Flag.DATA + (part.length >> 8));
      this.#writer.byte(part.length & 0xff);
      this.#writer.bytes(part);
    }
  }
}
