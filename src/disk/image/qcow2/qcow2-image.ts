import { CorruptDataError, describeError, VmfrError } from "../../../errors.ts";
import type { ByteSource, Extent } from "../../../source/byte-source.ts";
import { checkRange } from "../../../source/check-range.ts";
import { extentsOf, mergeExtents } from "../../../source/extents.ts";
import { inParallel } from "../../../source/in-parallel.ts";
import { SliceSource } from "../../../source/slice-source.ts";
import type { DiskImage, ImageInfo } from "../../disk.ts";
import type { DecompressZstd } from "../decompress-zstd.ts";
import { ClusterMap, type CompressedSegment, type DataSegment, type UnallocatedSegment } from "./cluster-map.ts";
import { CompressedClusters } from "./compressed-clusters.ts";
import { clusterDecompressor } from "./decompress-cluster.ts";
import type { Qcow2Header } from "./header.ts";
import { readSnapshots } from "./snapshots.ts";

const PARALLEL_READS = 4;

/** The active layer of a qcow2 image, over its backing image where it has one. Closing it closes both. */
export class Qcow2Image implements DiskImage {
  readonly info: ImageInfo;
  readonly size: number;
  readonly #source: ByteSource;
  readonly #backing: ByteSource | undefined;
  readonly #map: ClusterMap;
  readonly #compressed: CompressedClusters;

  private constructor(
    source: ByteSource,
    info: ImageInfo,
    backing: ByteSource | undefined,
    map: ClusterMap,
    compressed: CompressedClusters,
  ) {
    this.#source = source;
    this.info = info;
    this.size = info.virtualSize;
    this.#backing = backing;
    this.#map = map;
    this.#compressed = compressed;
  }

  /** @throws CorruptDataError when the L1 table cannot be used */
  static async open(
    source: ByteSource,
    header: Qcow2Header,
    backing: DiskImage | undefined,
    decompressZstd: DecompressZstd | undefined,
    signal?: AbortSignal,
  ): Promise<Qcow2Image> {
    const map = await ClusterMap.open(source, header, signal);
    const decompress = clusterDecompressor(header.compression, header.clusterSize, decompressZstd);
    const compressed = new CompressedClusters(source, header.clusterSize, decompress);
    return new Qcow2Image(source, await describeImage(source, header, backing, signal), backing, map, compressed);
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    checkRange(offset, length, this.size, "qcow2 image");
    const segments = await this.#map.segments(offset, offset + length, signal);
    const [only] = segments;
    if (segments.length === 1 && only?.kind === "data") return this.#readData(only, signal);
    const output = new Uint8Array(length);
    const place = (at: number, bytes: Uint8Array) => output.set(bytes, at - offset);
    const compressed: CompressedSegment[] = [];
    const plain: (DataSegment | UnallocatedSegment)[] = [];
    for (const segment of segments) {
      if (segment.kind === "compressed") compressed.push(segment);
      else if (segment.kind === "data" || (segment.kind === "unallocated" && this.#backing !== undefined)) {
        plain.push(segment);
      }
    }
    await inParallel(plain, PARALLEL_READS, async (segment) => {
      if (segment.kind === "data") place(segment.offset, await this.#readData(segment, signal));
      else place(segment.offset, await this.#readBacking(segment, signal));
    });
    await this.#compressed.readInto(compressed, output, offset, signal);
    return output;
  }

  async #readData({ hostOffset, length }: DataSegment, signal: AbortSignal | undefined): Promise<Uint8Array> {
    if (hostOffset + length > this.#source.size) {
      throw new CorruptDataError(
        { format: "qcow2", structure: "data cluster", byteOffset: hostOffset },
        `lies beyond the end of the image file of ${this.#source.size} bytes: the file was cut short`,
      );
    }
    return this.#source.read(hostOffset, length, signal);
  }

  /** A backing image may be shorter than its overlay: what lies behind its end reads as zeros. */
  async #readBacking({ offset, length }: UnallocatedSegment, signal: AbortSignal | undefined): Promise<Uint8Array> {
    if (this.#backing === undefined || offset >= this.#backing.size) return new Uint8Array(0);
    return this.#backing.read(offset, Math.min(length, this.#backing.size - offset), signal);
  }

  extents(from = 0, signal?: AbortSignal): AsyncIterable<Extent> {
    return mergeExtents(this.#extents(from, signal));
  }

  async *#extents(from: number, signal: AbortSignal | undefined): AsyncIterable<Extent> {
    for await (const { kind, offset, length } of this.#map.walk(from, this.size, signal)) {
      const inBacking = kind === "unallocated" ? Math.max(0, Math.min((this.#backing?.size ?? 0) - offset, length)) : 0;
      if (this.#backing !== undefined && inBacking > 0) {
        const stretch = new SliceSource(this.#backing, offset, inBacking, "backing file");
        for await (const extent of extentsOf(stretch, 0, signal)) yield { ...extent, offset: extent.offset + offset };
        yield { offset: offset + inBacking, length: length - inBacking, kind: "hole" };
      } else yield { offset, length, kind: kind === "zero" || kind === "unallocated" ? "hole" : "data" };
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#source.close(), this.#backing?.close()]);
  }
}

async function describeImage(
  source: ByteSource,
  header: Qcow2Header,
  backing: DiskImage | undefined,
  signal: AbortSignal | undefined,
): Promise<ImageInfo> {
  const warnings: string[] = [];
  if (header.dirty)
    warnings.push("qcow2: the dirty bit is set: the image was not closed cleanly; reading does not depend on it");
  if (header.corrupt)
    warnings.push("qcow2: the corrupt bit is set: QEMU found damage in this image; check it with qemu-img check");
  // Snapshots are shown, never read, so a damaged list of them is no reason to refuse the disk.
  const snapshots = await readSnapshots(source, header, signal).catch((error: unknown) => {
    if (!(error instanceof VmfrError)) throw error;
    warnings.push(`snapshots cannot be listed: ${describeError(error)}`);
    return [];
  });
  const features = [`version ${header.version}`, `cluster size ${sizeText(header.clusterSize)}`];
  if (header.extendedL2) features.push("extended L2 entries");
  if (header.compression === "zstd") features.push("compression type zstd");
  if (header.hasBitmaps) features.push("bitmaps");
  if (backing !== undefined) features.push(`backing file (${backing.info.format})`);
  warnings.push(...(backing?.info.warnings ?? []).map((warning) => `backing file: ${warning}`));
  return { format: "qcow2", virtualSize: header.virtualSize, features, snapshots, warnings };
}

function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 * 1024 ? `${bytes / 1024} KiB` : `${bytes / 1024 / 1024} MiB`;
}
