/** Compression of literal data; token.c. Each piece is compressed by itself, so none refers to another. */
import { promisify } from "node:util";
import * as zlib from "node:zlib";

/** As rsync names them: `zlibx` is `zlib` without matched data in the window. */
export type CompressionName = "zstd" | "zlibx" | "zlib" | "none";

export interface PieceCompressor {
  compress(piece: Uint8Array): Promise<Uint8Array>;
  /** What ends every compressed piece but the last before a token, where the protocol leaves it out. */
  readonly trailer: Uint8Array;
}

type Compress = (input: Uint8Array) => Promise<Uint8Array>;

const deflateRaw = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.deflateRaw);
/** An empty stored block, the end of a synchronizing flush without its first three bits. */
const FLUSH_END = Uint8Array.of(0, 0, 0xff, 0xff);

/** In rsync's order of preference; zstd where Node has it. */
export function supportedCompressions(): CompressionName[] {
  return [...(zstdCompress() === undefined ? [] : (["zstd"] as const)), "zlibx", "zlib", "none"];
}

/** @returns undefined for no compression. */
export function createCompressor(name: CompressionName): PieceCompressor | undefined {
  if (name === "none") return undefined;
  if (name === "zstd") {
    const compress = zstdCompress();
    if (compress === undefined) return undefined;
    return { compress, trailer: Uint8Array.of() };
  }
  return {
    // Without a dictionary of earlier data both kinds of zlib are the same bytes.
    compress: async (piece) => {
      const deflated = await deflateRaw(piece, { finishFlush: zlib.constants.Z_SYNC_FLUSH });
      return deflated.subarray(0, deflated.length - FLUSH_END.length);
    },
    trailer: FLUSH_END,
  };
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
