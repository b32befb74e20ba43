/**
 * Content compressed with LZNT1, unit by unit. A unit whose clusters are all there is stored as it is, one
 * without clusters is a hole, and one that has fewer holds compressed bytes (libfsntfs, "Compressed data").
 */
import { LruCache } from "../../../bytes/lru-cache.ts";
import { decompressLznt1 } from "../../../codec/lznt1.ts";
import { CorruptDataError, type CorruptionPlace } from "../../../errors.ts";
import type { ByteSource, Extent, SparseSource } from "../../../source/byte-source.ts";
import { checkRange } from "../../../source/check-range.ts";
import { mergeExtents } from "../../../source/extents.ts";
import { RunListSource } from "../../../source/run-list-source.ts";
import type { ClusterRun } from "./mapping-pairs.ts";

export interface CompressedLayout {
  /** Bytes. */
  readonly size: number;
  readonly initializedSize: number;
  readonly clusterSize: number;
  /** Clusters of one unit. */
  readonly unitClusters: number;
  /** Says in error messages what this is. */
  readonly name: string;
}

/** Bytes of decompressed units kept, so that small reads in sequence decompress once. */
const KEPT = 1024 * 1024;

export class CompressedSource implements SparseSource {
  readonly size: number;
  readonly #layout: CompressedLayout;
  readonly #unitSize: number;
  /** Ascending, without gaps. */
  readonly #runs: readonly ClusterRun[];
  /** The clusters as they lie, compressed or not. */
  readonly #stored: RunListSource;
  readonly #units: LruCache<number, Uint8Array>;

  constructor(disk: ByteSource, runs: readonly ClusterRun[], layout: CompressedLayout) {
    const { clusterSize, unitClusters } = layout;
    this.size = layout.size;
    this.#layout = layout;
    this.#unitSize = clusterSize * unitClusters;
    this.#runs = runs;
    const placed = runs.flatMap(({ vcn, length, lcn }) =>
      lcn === undefined
        ? []
        : [{ fileOffset: vcn * clusterSize, length: length * clusterSize, sourceOffset: lcn * clusterSize }],
    );
    const last = runs.at(-1);
    const end = last === undefined ? 0 : (last.vcn + last.length) * clusterSize;
    this.#stored = new RunListSource(disk, placed, end, layout.name);
    this.#units = new LruCache(Math.max(KEPT, 2 * this.#unitSize));
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    checkRange(offset, length, this.size, this.#layout.name);
    const bytes = new Uint8Array(length);
    const end = Math.min(offset + length, this.#layout.initializedSize);
    for (let position = offset; position < end; ) {
      const unit = Math.floor(position / this.#unitSize);
      const content = await this.#unit(unit, signal);
      const start = position - unit * this.#unitSize;
      const piece = content?.subarray(start, Math.min(this.#unitSize, end - unit * this.#unitSize));
      if (piece !== undefined) bytes.set(piece, position - offset);
      position = (unit + 1) * this.#unitSize;
    }
    return bytes;
  }

  /** Undefined for a hole. */
  async #unit(unit: number, signal: AbortSignal | undefined): Promise<Uint8Array | undefined> {
    const kept = this.#units.get(unit);
    if (kept !== undefined) return kept;
    const clusters = this.#clustersOf(unit);
    if (clusters === 0) return undefined;
    const { clusterSize, unitClusters } = this.#layout;
    const stored = await this.#stored.read(unit * this.#unitSize, clusters * clusterSize, signal);
    const content = clusters === unitClusters ? stored : decompressLznt1(stored, this.#unitSize, this.#place(unit));
    this.#units.set(unit, content, content.length);
    return content;
  }

  /** Clusters of a unit that are on the disk: they lie at its start. @throws CorruptDataError when they do not */
  #clustersOf(unit: number): number {
    const start = unit * this.#layout.unitClusters;
    const end = start + this.#layout.unitClusters;
    let stored = start;
    for (let index = this.#runAt(start); index < this.#runs.length; index++) {
      const run = this.#runs[index];
      if (run === undefined || run.vcn >= end) break;
      if (run.lcn === undefined) continue;
      if (Math.max(run.vcn, start) !== stored) throw this.#corrupt(unit, "a hole before its last cluster");
      stored = Math.min(run.vcn + run.length, end);
    }
    return stored - start;
  }

  #place(unit: number): CorruptionPlace {
    return { format: "ntfs", structure: `${this.#layout.name}, compression unit ${unit}` };
  }

  #corrupt(unit: number, problem: string): CorruptDataError {
    return new CorruptDataError(this.#place(unit), problem);
  }

  /** Index of the run that holds a cluster. */
  #runAt(vcn: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const run = this.#runs[middle];
      if (run !== undefined && run.vcn + run.length <= vcn) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  extents(from = 0, signal?: AbortSignal): AsyncIterable<Extent> {
    return mergeExtents(this.#extents(from, signal));
  }

  async *#extents(from: number, signal: AbortSignal | undefined): AsyncIterable<Extent> {
    const written = Math.min(this.size, this.#layout.initializedSize);
    let position = from;
    while (position < written) {
      signal?.throwIfAborted();
      const unit = Math.floor(position / this.#unitSize);
      const end = Math.min(written, this.#holeEnd(unit) ?? (unit + 1) * this.#unitSize);
      yield { offset: position, length: end - position, kind: this.#clustersOf(unit) === 0 ? "hole" : "data" };
      position = end;
    }
    yield { offset: position, length: Math.max(0, this.size - position), kind: "hole" };
  }

  /** End of the last whole unit in the hole that a unit starts in, so that huge holes take one step. */
  #holeEnd(unit: number): number | undefined {
    const { unitClusters } = this.#layout;
    const run = this.#runs[this.#runAt(unit * unitClusters)];
    if (run === undefined || run.lcn !== undefined) return undefined;
    const units = Math.floor((run.vcn + run.length) / unitClusters);
    return units > unit ? units * this.#unitSize : undefined;
  }

  async close(): Promise<void> {
    this.#units.clear();
  }
}
