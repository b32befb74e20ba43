import { ConfigError } from "../../errors.ts";
import type { ByteSource } from "../../source/byte-source.ts";
import type { DiskImage } from "../disk.ts";
import { type DecompressZstd, nativeDecompressZstd } from "./decompress-zstd.ts";
import { type ImageFormat, probeImageFormat } from "./image-format.ts";
import { readHeader } from "./qcow2/header.ts";
import { Qcow2Image } from "./qcow2/qcow2-image.ts";
import { RawImage } from "./raw-image.ts";

export interface OpenImageOptions {
  /**
   * Set it whenever the format is known: a guest can write a qcow2 header onto its own raw disk, and only
   * the caller knows that it is to be read as what it is. Absent: probed by magic number.
   */
  readonly format?: ImageFormat;
  /** Backing files, nearest first. Names inside images are never followed. */
  readonly backing?: readonly ByteSource[];
  /** Needed for zstd-compressed clusters where Node has no decompressor of its own. */
  readonly decompressZstd?: DecompressZstd;
  readonly signal?: AbortSignal;
}

/**
 * A disk image as the guest sees it. The result owns `source` and the backing files from then on; when this
 * throws, they remain the caller's to close.
 * @throws ConfigError when backing files are missing or too many, CorruptDataError, UnsupportedFeatureError, SourceError
 */
export async function openImage(source: ByteSource, options: OpenImageOptions = {}): Promise<DiskImage> {
  const { backing = [], decompressZstd = nativeDecompressZstd, signal } = options;
  const format = options.format ?? (await probeImageFormat(source, signal));
  if (format === "raw") {
    if (backing.length > 0) throw new ConfigError("a raw disk image has no backing file, but one was given");
    return new RawImage(source);
  }
  const header = await readHeader(source, signal);
  const below = await openBacking(header.backing, options);
  return Qcow2Image.open(source, header, below, decompressZstd, signal);
}

async function openBacking(
  named: { readonly name: string; readonly format: string | undefined } | undefined,
  options: OpenImageOptions,
): Promise<DiskImage | undefined> {
  const [nearest, ...others] = options.backing ?? [];
  if (named === undefined) {
    if (nearest !== undefined) throw new ConfigError("the qcow2 image has no backing file, but one was given");
    return undefined;
  }
  if (nearest === undefined) {
    throw new ConfigError(
      `the qcow2 image lies upon a backing file, which it names "${named.name}"; ` +
        "names inside images are not followed: give the file with --backing FILE",
    );
  }
  const { format: _format, ...inherited } = options;
  const ofBacking = { ...inherited, backing: others };
  // As QEMU does: the overlay says what its backing file is; only where it does not is the file probed.
  if (named.format === "raw" || named.format === "qcow2")
    return openImage(nearest, { ...ofBacking, format: named.format });
  return openImage(nearest, ofBacking);
}
