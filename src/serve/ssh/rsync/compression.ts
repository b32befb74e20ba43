/** Compression of literal data; token.c. Each piece is compressed by itself, so none refers to another. */
import { promisify } from "node:util";
import * as zlib from "node:zlib";
import { compressLz4Block } from "../../../codec/lz4-block.ts";

/** As rsync names them: `zlibx` is `zlib` without matched data in the window. */
export type CompressionName = "zstd" | "lz4" | "zlibx" | "zlib" | "none";

export interface PieceCompressor {
  /** What to send for a piece, in one part or several. */
  compress(piece: Uint8Array): Promise<readonly Uint8Array[]>;
  /** What ends every part but the last before a token, where the protocol leaves it out. */
  readonly trailer: Uint8Array;
}

type Compress = (input: Uint8Array) => Promise<Uint8Array>;

const deflateRaw = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.deflateRaw);
/** An empty stored block, the end of a synchronizing flush without its first three bits. */
const FLUSH_END = Uint8Array.of(0, 0, 0xff, 0xff);
const NOTHING = Uint8Array.of();

/** A block must be sent in one go. The longest that this many bytes can make is as long as that can be: 16,383. */
const LZ4_PIECE = 16_304;

/** In rsync's order of preference; zstd where Node has it. */
export function supportedCompressions(): CompressionName[] {
  return [...(zstdCompress() === undefined ? [] : (["zstd"] as const)), "lz4", "zlibx", "zlib", "none"];
}

/** @returns undefined for no compression. */
export function createCompressor(name: CompressionName): PieceCompressor | undefined {
  if (name === "none") return undefined;
  if (name === "zstd") {
    const compress = zstdCompress();
    if (compress === undefined) return undefined;
    return { compress: async (piece) => [await compress(piece)], trailer: NOTHING };
  }
  if (name === "lz4") return { compress: async (piece) => lz4Blocks(piece), trailer: NOTHING };
  return {
    // Without a dictionary of earlier data both kinds of zlib are the same bytes.
    compress: async (piece) => {
      const deflated = await deflateRaw(piece, { finishFlush: zlib.constants.Z_SYNC_FLUSH });
      return [deflated.subarray(0, deflated.length - FLUSH_END.length)];
    },
    trailer: FLUSH_END,
  };
}

function lz4Blocks(piece: Uint8Array): Uint8Array[] {
  const blocks: Uint8Array[] = [];
  for (let offset = 0; offset < piece.length; offset += LZ4_PIECE) {
    blocks.push(compressLz4Block(piece.subarray(offset, offset + LZ4_PIECE)));
  }
  return blocks;
}

function zstdCompress(): Compress | undefined {
  const compress: unknown = Reflect.get(zlib, "zstdCompress");
  if (typeof compress !== "function") return undefined;
  return (input) =>
    new Promise((resolve, reject) => {
      Reflect.apply(compress, zlib, [
        input,
        (error: Error | null, output: Uint8Array) => (error === null ? resolve(output) : reject(error)),
      ]);
    });
}
