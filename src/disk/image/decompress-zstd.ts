import * as zlib from "node:zlib";

/**
 * Decompresses exactly one Zstandard frame.
 * @param maxOutput bytes the result may have; more is a failure
 */
export type DecompressZstd = (frame: Uint8Array, maxOutput: number) => Promise<Uint8Array>;

/** What newer versions of node:zlib have and the types of the oldest supported one do not know. */
interface NativeZstd {
  zstdDecompress(
    frame: Uint8Array,
    options: { readonly maxOutputLength: number },
    callback: (error: Error | null, result: Uint8Array) => void,
  ): void;
}

function hasNativeZstd(module: object): module is NativeZstd {
  return "zstdDecompress" in module;
}

/** Node's own decompressor in the thread pool; undefined where Node has none: then the caller must bring one. */
export const nativeDecompressZstd: DecompressZstd | undefined = hasNativeZstd(zlib) ? native(zlib) : undefined;

function native(module: NativeZstd): DecompressZstd {
  return (frame, maxOutput) =>
    new Promise((resolve, reject) => {
      module.zstdDecompress(frame, { maxOutputLength: maxOutput }, (error, result) => {
        if (error === null) resolve(result);
        else reject(error);
      });
    });
}
