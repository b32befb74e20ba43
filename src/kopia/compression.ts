import * as zlib from "node:zlib";
import { ZSTDDecoder } from "zstddec";
import { decompressS2Stream } from "../codec/s2.ts";
import { UnsupportedFeatureError } from "../errors.ts";

/** Bytes of the big-endian header id in front of a compressed stream. */
export const COMPRESSION_HEADER_LENGTH = 4;

type Decompressor = (compressed: Uint8Array, maxOutput: number) => Uint8Array;

/** Header ids come in families of 256: the low byte is the writer's level (kopia: repo/compression). */
const FAMILIES: Record<number, Decompressor> = {
  16: (bytes, maxOutputLength) => zlib.gunzipSync(bytes, { maxOutputLength }),
  17: decompressZstd,
  18: decompressS2Stream,
  // Parallel gzip: the same stream.
  19: (bytes, maxOutputLength) => zlib.gunzipSync(bytes, { maxOutputLength }),
  21: (bytes, maxOutputLength) => zlib.inflateRawSync(bytes, { maxOutputLength }),
};

const LZ4_FAMILY = 0x14;

const fallbackZstd = new ZSTDDecoder();

type ZstdDecompressSync = (bytes: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;

/** Present in Node from 22.15 and 23.8. */
const nativeZstd = (zlib as { zstdDecompressSync?: ZstdDecompressSync }).zstdDecompressSync;

/** Must have finished once before `decompressContent`; loads what this Node does not have built in. */
export async function loadDecompressors(): Promise<void> {
  if (nativeZstd === undefined) await fallbackZstd.init();
}

function decompressZstd(bytes: Uint8Array, maxOutput: number): Uint8Array {
  return nativeZstd === undefined
    ? fallbackZstd.decode(bytes, maxOutput)
    : nativeZstd(bytes, { maxOutputLength: Math.max(1, maxOutput) });
}

/**
 * Undoes the compression of a content.
 * @param stored header id (u32 big endian), then the compressed stream
 * @param maxOutput bytes; more than that is an error
 * @returns undefined when the stream is damaged
 * @throws UnsupportedFeatureError for compressions vmfr does not know.
 */
export function decompressContent(stored: Uint8Array, maxOutput: number): Uint8Array | undefined {
  if (stored.length < COMPRESSION_HEADER_LENGTH) return undefined;
  const header = compressionHeader(stored);
  const family = header >>> 8;
  const decompress = Object.hasOwn(FAMILIES, family) ? FAMILIES[family] : undefined;
  if (decompress === undefined) {
    const name = family === LZ4_FAMILY ? "LZ4 compression" : `compression 0x${header.toString(16)}`;
    throw new UnsupportedFeatureError("kopia", [name], "restore it with Kopia itself");
  }
  try {
    return decompress(stored.subarray(COMPRESSION_HEADER_LENGTH), maxOutput);
  } catch {
    return undefined;
  }
}

export function compressionHeader(stored: Uint8Array): number {
  return new DataView(stored.buffer, stored.byteOffset, stored.byteLength).getUint32(0, false);
}
