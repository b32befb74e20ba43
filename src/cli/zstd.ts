import { type DecompressZstd, nativeDecompressZstd } from "../disk/image/decompress-zstd.ts";

/** Node's own decoder where this Node has one, else WebAssembly. Loaded on first use. */
export const decompressZstd: DecompressZstd =
  nativeDecompressZstd ??
  (async (frame, maxOutput) => {
    const { ZSTDDecoder } = await import("zstddec");
    decoder ??= new ZSTDDecoder();
    await decoder.init();
    return decoder.decode(frame, maxOutput);
  });

let decoder: InstanceType<typeof import("zstddec").ZSTDDecoder> | undefined;
