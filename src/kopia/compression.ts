import * as zlib from "node:zlib";
import { decompressS2Stream } from "../codec/s2.ts";
import { UnsupportedFeatureError } from "../errors.ts";

/** Bytes of the big-endian header id in front of a compressed stream. */
export const COMPRESSION_HEADER_LENGTH = 4;

type Decompressor = (compressed: Uint8Array, maxOutput: number) => Uint8Array;

/**
 * Undoes the compression of a content: header id (u32 big endian), then the compressed stream.
 * Returns undefined when the stream is damaged or has more than `maxOutput` bytes inside.
 * @throws UnsupportedFeatureError for compressions vmfr does not know.
 */
export type DecompressContent = (stored: Uint8Array, maxOutput: number) => Uint8Array | undefined;

const LZ4_FAMILY = 0x14;

/** Loads what this Node does not have built in. */
export async function loadDecompression(): Promise<DecompressContent> {
  const gunzip: Decompressor = (bytes, maxOutputLength) => zlib.gunzipSync(bytes, { maxOutputLength });
  // Header ids come in families of 256: the low byte is the writer's level (kopia: repo/compression).
  const families = new Map<number, Decompressor>([
    [0x10, gunzip],
    [0x11, await loadZstd()],
    [0x12, decompressS2Stream],
    // Parallel gzip: the same stream.
    [0x13, gunzip],
    [0x15, (bytes, maxOutputLength) => zlib.inflateRawSync(bytes, { maxOutputLength })],
  ]);
  return (stored, maxOutput) => {
    if (stored.length < COMPRESSION_HEADER_LENGTH) return undefined;
    const header = compressionHeader(stored);
    const family = header >>> 8;
    const decompress = families.get(family);
    if (decompress === undefined) {
      const name = family === LZ4_FAMILY ? "LZ4 compression" : `compression 0x${header.toString(16)}`;
      throw new UnsupportedFeatureError("kopia", [name], "restore it with Kopia itself");
    }
    try {
      return decompress(stored.subarray(COMPRESSION_HEADER_LENGTH), Math.max(1, maxOutput));
    } catch {
      return undefined;
    }
  };
}

type ZstdDecompressSync = (bytes: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;

/** Node has it from 22.15 and 23.8 on; WebAssembly elsewhere. */
async function loadZstd(): Promise<Decompressor> {
  const native = (zlib as { zstdDecompressSync?: ZstdDecompressSync }).zstdDecompressSync;
  if (native !== undefined) return (bytes, maxOutputLength) => native(bytes, { maxOutputLength });
  const { ZSTDDecoder } = await import("zstddec");
  const decoder = new ZSTDDecoder();
  await decoder.init();
  return (bytes, maxOutput) => decoder.decode(bytes, maxOutput);
}

/** @param stored at least `COMPRESSION_HEADER_LENGTH` bytes */
export function compressionHeader(stored: Uint8Array): number {
  return new DataView(stored.buffer, stored.byteOffset, stored.byteLength).getUint32(0, false);
}
