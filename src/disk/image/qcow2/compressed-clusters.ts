import { LruCache } from "../../../bytes/lru-cache.ts";
import type { ByteSource } from "../../../source/byte-source.ts";
import { inParallel } from "../../../source/in-parallel.ts";
import type { CompressedSegment } from "./cluster-map.ts";
import type { DecompressCluster } from "./decompress-cluster.ts";

/** Decompressed bytes kept for the next read of the same cluster. */
const CACHE = 8 * 1024 * 1024;
/** Node's thread pool has four threads. */
const PARALLEL_DECOMPRESSIONS = 4;
/** Compressed clusters lie densely packed; gaps up to this size are read along. */
const LARGEST_GAP = 64 * 1024;
const LONGEST_READ = 1024 * 1024;

/** A stretch of the image file with compressed clusters that are read together. */
interface Group {
  readonly hostOffset: number;
  hostEnd: number;
  readonly segments: CompressedSegment[];
}

/** Reads compressed clusters: neighbours in one read, several decompressed at a time, partly used ones kept. */
export class CompressedClusters {
  readonly #source: ByteSource;
  readonly #clusterSize: number;
  readonly #decompress: DecompressCluster;
  readonly #kept = new LruCache<number, Uint8Array>(CACHE);
  readonly #running = new Map<number, Promise<Uint8Array>>();

  constructor(source: ByteSource, clusterSize: number, decompress: DecompressCluster) {
    this.#source = source;
    this.#clusterSize = clusterSize;
    this.#decompress = decompress;
  }

  /** Fills the parts of `output` that the segments cover; `base` is the virtual offset of its first byte. */
  async readInto(
    segments: readonly CompressedSegment[],
    output: Uint8Array,
    base: number,
    signal?: AbortSignal,
  ): Promise<void> {
    const whole = segments.filter((segment) => segment.length === this.#clusterSize);
    const partial = segments.filter((segment) => segment.length !== this.#clusterSize);
    await inParallel(partial, PARALLEL_DECOMPRESSIONS, async (segment) => {
      const cluster = await this.#shared(segment);
      output.set(cluster.subarray(segment.within, segment.within + segment.length), segment.offset - base);
    });
    for (const group of grouped(whole)) {
      const bytes = await this.#source.read(group.hostOffset, group.hostEnd - group.hostOffset, signal);
      await inParallel(group.segments, PARALLEL_DECOMPRESSIONS, async ({ hostOffset, hostLength, offset }) => {
        const start = hostOffset - group.hostOffset;
        output.set(await this.#decompress(bytes.subarray(start, start + hostLength), hostOffset), offset - base);
      });
    }
  }

  /** A cluster of which a part is wanted: the next read probably wants the next part. */
  #shared({ hostOffset, hostLength }: CompressedSegment): Promise<Uint8Array> {
    const kept = this.#kept.get(hostOffset);
    if (kept !== undefined) return Promise.resolve(kept);
    const running = this.#running.get(hostOffset);
    if (running !== undefined) return running;
    const cluster = this.#unpack(hostOffset, hostLength).finally(() => this.#running.delete(hostOffset));
    this.#running.set(hostOffset, cluster);
    return cluster;
  }

  async #unpack(hostOffset: number, hostLength: number): Promise<Uint8Array> {
    const cluster = await this.#decompress(await this.#source.read(hostOffset, hostLength), hostOffset);
    this.#kept.set(hostOffset, cluster, cluster.length);
    return cluster;
  }
}

function grouped(segments: readonly CompressedSegment[]): Group[] {
  const groups: Group[] = [];
  for (const segment of segments) {
    const end = segment.hostOffset + segment.hostLength;
    const group = groups.at(-1);
    const joins =
      group !== undefined &&
      segment.hostOffset >= group.hostOffset &&
      segment.hostOffset <= group.hostEnd + LARGEST_GAP &&
      end - group.hostOffset <= LONGEST_READ;
    if (joins) {
      group.segments.push(segment);
      group.hostEnd = Math.max(group.hostEnd, end);
    } else groups.push({ hostOffset: segment.hostOffset, hostEnd: end, segments: [segment] });
  }
  return groups;
}
