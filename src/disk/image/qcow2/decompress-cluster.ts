import { constants, inflateRaw } from "node:zlib";
import { CorruptDataError, UnsupportedFeatureError } from "../../../errors.ts";
import type { DecompressZstd } from "../decompress-zstd.ts";
import type { Compression } from "./header.ts";
import { zstdFrameLength } from "./zstd-frame.ts";

/**
 * One compressed cluster -> exactly `clusterSize` bytes. `compressed` may hold foreign bytes behind the data.
 * @param byteOffset of the compressed data in the image file, for messages
 * @throws CorruptDataError when the data does not decompress to a whole cluster
 */
export type DecompressCluster = (compressed: Uint8Array, byteOffset: number) => Promise<Uint8Array>;

export function clusterDecompressor(
  compression: Compression,
  clusterSize: number,
  decompressZstd: DecompressZstd | undefined,
): DecompressCluster {
  return async (compressed, byteOffset) => {
    const place = { format: "qcow2", structure: "compressed cluster", byteOffset };
    if (compression === "zstd" && decompressZstd === undefined) {
      throw new UnsupportedFeatureError("qcow2", ["zstd-compressed clusters"], "run with Node 22.15 or later");
    }
    const cluster = await (decompressZstd !== undefined && compression === "zstd"
      ? unpackZstd(compressed, clusterSize, decompressZstd)
      : unpackDeflate(compressed, clusterSize)
    ).catch((cause: unknown) => {
      throw new CorruptDataError(place, `does not decompress (${cause instanceof Error ? cause.message : "damaged"})`, {
        cause,
      });
    });
    if (cluster.length !== clusterSize) {
      throw new CorruptDataError(place, `decompresses to ${cluster.length} bytes instead of ${clusterSize}`);
    }
    return cluster;
  };
}

/** Raw deflate in the thread pool. Sync flush: a stream without its end mark is fine if it fills the cluster. */
function unpackDeflate(compressed: Uint8Array, clusterSize: number): Promise<Uint8Array> {
  const options = { maxOutputLength: clusterSize, chunkSize: clusterSize, finishFlush: constants.Z_SYNC_FLUSH };
  return new Promise((resolve, reject) => {
    inflateRaw(compressed, options, (error, result) => (error === null ? resolve(result) : reject(error)));
  });
}

/** A cluster may be split over several frames (as QEMU allows); every one of them is bounded by what is left. */
async function unpackZstd(
  compressed: Uint8Array,
  clusterSize: number,
  decompress: DecompressZstd,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let produced = 0;
  let rest = compressed;
  while (produced < clusterSize) {
    const length = zstdFrameLength(rest);
    if (length === undefined) throw new Error("damaged zstd frame");
    const piece = await decompress(rest.subarray(0, length), clusterSize - produced);
    if (piece.length === 0) throw new Error("empty zstd frame");
    pieces.push(piece);
    produced += piece.length;
    rest = rest.subarray(length);
  }
  const [only] = pieces;
  return pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
}
