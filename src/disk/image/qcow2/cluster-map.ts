import { CorruptDataError, LimitError } from "../../../errors.ts";
import type { ByteSource } from "../../../source/byte-source.ts";
import { CachedSource } from "../../../source/cached-source.ts";
import type { Qcow2Header } from "./header.ts";
import { COMPRESSED_SECTOR, ENTRY_HIGH, ENTRY_LOW, SUBCLUSTERS } from "./layout.ts";

/** Where a stretch of the virtual disk lies. Offsets and lengths are bytes; `offset` counts on the virtual disk. */
export type Segment = ZeroSegment | UnallocatedSegment | DataSegment | CompressedSegment;

export interface ZeroSegment {
  readonly kind: "zero";
  readonly offset: number;
  readonly length: number;
}

/** Not in this image: the backing file's, or zeros without one. */
export interface UnallocatedSegment {
  readonly kind: "unallocated";
  readonly offset: number;
  readonly length: number;
}

export interface DataSegment {
  readonly kind: "data";
  readonly offset: number;
  readonly length: number;
  readonly hostOffset: number;
}

/** A part of one compressed cluster, or all of it. */
export interface CompressedSegment {
  readonly kind: "compressed";
  readonly offset: number;
  readonly length: number;
  /** Offset of the stretch inside the decompressed cluster. */
  readonly within: number;
  readonly hostOffset: number;
  /** Upper bound of the compressed data: counted in sectors, so it may reach past the data and the file's end. */
  readonly hostLength: number;
}

/** Bytes of the L1 table, QEMU's own bound: maps 256 TiB with clusters of 64 KiB. */
const LARGEST_L1_TABLE = 32 * 1024 * 1024;
/** L2 entries looked at in one go: at most 128 KiB of a table, which goes through the cache. */
const ENTRIES_AT_ONCE = 8192;
const L2_CACHE = 4 * 1024 * 1024;
const TWO_TO_32 = 2 ** 32;

/** The two-level table that maps the virtual disk's clusters. Reference counts play no part in reading. */
export class ClusterMap {
  readonly #header: Qcow2Header;
  readonly #source: ByteSource;
  readonly #tables: CachedSource;
  readonly #l1: DataView;
  readonly #entrySize: number;
  /** Bytes of the virtual disk that one L2 table maps. */
  readonly #tableCoverage: number;

  private constructor(source: ByteSource, header: Qcow2Header, l1: Uint8Array) {
    this.#header = header;
    this.#source = source;
    this.#tables = new CachedSource(source, { budget: L2_CACHE });
    this.#l1 = new DataView(l1.buffer, l1.byteOffset, l1.byteLength);
    this.#entrySize = l2EntrySize(header);
    this.#tableCoverage = l2Coverage(header);
  }

  /** @throws CorruptDataError when the L1 table is too small, not aligned or not inside the file; LimitError */
  static async open(source: ByteSource, header: Qcow2Header, signal?: AbortSignal): Promise<ClusterMap> {
    const place = { format: "qcow2", structure: "L1 table", byteOffset: header.l1TableOffset };
    const entries = Math.ceil(header.virtualSize / l2Coverage(header));
    if (entries > header.l1Size) {
      throw new CorruptDataError(place, `has ${header.l1Size} entries where the virtual size needs ${entries}`);
    }
    const length = entries * 8;
    if (length > LARGEST_L1_TABLE) throw new LimitError("qcow2 L1 table bytes", LARGEST_L1_TABLE, "qcow2: L1 table");
    if (length > 0 && header.l1TableOffset % header.clusterSize !== 0) {
      throw new CorruptDataError(place, "is not aligned to a cluster");
    }
    if (length > 0 && header.l1TableOffset + length > source.size) {
      throw new CorruptDataError(place, `lies beyond the end of the image file of ${source.size} bytes`);
    }
    return new ClusterMap(source, header, await source.read(length > 0 ? header.l1TableOffset : 0, length, signal));
  }

  /** The segments of [start, end) in order, neighbours joined. */
  async segments(start: number, end: number, signal?: AbortSignal): Promise<Segment[]> {
    const list = new SegmentList();
    let position = start;
    while (position < end) position = await this.#mapSome(position, end, list, signal);
    return list.segments;
  }

  /** The same piece by piece, for walking over a whole disk in constant memory; neighbours may come apart. */
  async *walk(start: number, end: number, signal?: AbortSignal): AsyncIterable<Segment> {
    let position = start;
    while (position < end) {
      const list = new SegmentList();
      position = await this.#mapSome(position, end, list, signal);
      signal?.throwIfAborted();
      yield* list.segments;
    }
  }

  /** Maps from `position` as far as one look at an L2 table reaches; returns how far that is. */
  async #mapSome(position: number, end: number, list: SegmentList, signal?: AbortSignal): Promise<number> {
    const index = Math.floor(position / this.#tableCoverage);
    const tableStart = index * this.#tableCoverage;
    const tableEnd = Math.min(end, tableStart + this.#tableCoverage);
    const tableOffset = this.#l2TableOffset(index);
    if (tableOffset === 0) {
      list.add({ kind: "unallocated", offset: position, length: tableEnd - position });
      return tableEnd;
    }
    const { clusterSize } = this.#header;
    const firstEntry = Math.floor((position - tableStart) / clusterSize);
    const lastEntry = Math.min(Math.ceil((tableEnd - tableStart) / clusterSize), firstEntry + ENTRIES_AT_ONCE);
    const entriesOffset = tableOffset + firstEntry * this.#entrySize;
    const length = (lastEntry - firstEntry) * this.#entrySize;
    if (entriesOffset + length > this.#source.size) {
      throw this.#corrupt(
        "L2 table",
        tableOffset,
        `lies beyond the end of the image file of ${this.#source.size} bytes`,
      );
    }
    const bytes = this.#tables.peek(entriesOffset, length) ?? (await this.#tables.read(entriesOffset, length, signal));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const mappedEnd = Math.min(tableEnd, tableStart + lastEntry * clusterSize);
    for (let entry = firstEntry; entry < lastEntry; entry++) {
      const cluster = tableStart + entry * clusterSize;
      const from = Math.max(position, cluster);
      const to = Math.min(mappedEnd, cluster + clusterSize);
      this.#mapCluster(view, (entry - firstEntry) * this.#entrySize, cluster, from, to, list);
    }
    return mappedEnd;
  }

  #l2TableOffset(index: number): number {
    const offset = hostOffset(this.#l1.getUint32(index * 8), this.#l1.getUint32(index * 8 + 4));
    if (offset % this.#header.clusterSize !== 0) {
      throw this.#corrupt("L2 table", offset, `is not aligned to a cluster (L1 entry ${index})`);
    }
    return offset;
  }

  /** Adds what the L2 entry at `at` says about [from, to), a part of the cluster that starts at `cluster`. */
  #mapCluster(view: DataView, at: number, cluster: number, from: number, to: number, list: SegmentList): void {
    const high = view.getUint32(at);
    const low = view.getUint32(at + 4);
    if ((high & ENTRY_HIGH.compressed) !== 0) {
      list.add(this.#compressed(high, low, cluster, from, to));
      return;
    }
    const host = hostOffset(high, low);
    if (this.#header.extendedL2) {
      this.#mapSubclusters(host, view.getUint32(at + 12), view.getUint32(at + 8), cluster, from, to, list);
    } else if ((low & ENTRY_LOW.zero) !== 0) {
      if (this.#header.version < 3) throw this.#corrupt("L2 entry", host, "zero cluster in a version 2 image");
      list.add({ kind: "zero", offset: from, length: to - from });
    } else if (host === 0) {
      list.add({ kind: "unallocated", offset: from, length: to - from });
    } else {
      list.add(this.#data(host, cluster, from, to));
    }
  }

  /** Extended L2 entries: one bit a subcluster says allocated, one says zeros; both at once is not allowed. */
  #mapSubclusters(
    host: number,
    allocated: number,
    zero: number,
    cluster: number,
    from: number,
    to: number,
    list: SegmentList,
  ): void {
    const size = this.#header.clusterSize / SUBCLUSTERS;
    for (let index = Math.floor((from - cluster) / size); cluster + index * size < to; index++) {
      const offset = Math.max(from, cluster + index * size);
      const end = Math.min(to, cluster + (index + 1) * size);
      const isAllocated = ((allocated >>> index) & 1) === 1;
      const isZero = ((zero >>> index) & 1) === 1;
      if (isAllocated && (isZero || host === 0)) {
        throw this.#corrupt("L2 entry", host, `contradicts itself about subcluster ${index}`);
      }
      if (isAllocated) list.add(this.#data(host, cluster, offset, end));
      else list.add({ kind: isZero ? "zero" : "unallocated", offset, length: end - offset });
    }
  }

  #data(host: number, cluster: number, from: number, to: number): DataSegment {
    if (host % this.#header.clusterSize !== 0) throw this.#corrupt("data cluster", host, "is not aligned to a cluster");
    return { kind: "data", offset: from, length: to - from, hostOffset: host + (from - cluster) };
  }

  /** Compressed cluster descriptor: x = 62 - (cluster_bits - 8) bits of host offset, then the further sectors. */
  #compressed(high: number, low: number, cluster: number, from: number, to: number): CompressedSegment {
    const descriptor = high & ENTRY_HIGH.descriptor;
    const offsetBitsInHigh = 62 - (Math.log2(this.#header.clusterSize) - 8) - 32;
    const host = (descriptor & (2 ** offsetBitsInHigh - 1)) * TWO_TO_32 + low;
    const sectors = (descriptor >>> offsetBitsInHigh) + 1;
    if (host >= this.#source.size)
      throw this.#corrupt("compressed cluster", host, "lies beyond the end of the image file");
    return {
      kind: "compressed",
      offset: from,
      length: to - from,
      within: from - cluster,
      hostOffset: host,
      hostLength: Math.min(sectors * COMPRESSED_SECTOR - (host % COMPRESSED_SECTOR), this.#source.size - host),
    };
  }

  #corrupt(structure: string, byteOffset: number, problem: string): CorruptDataError {
    return new CorruptDataError({ format: "qcow2", structure, byteOffset }, problem);
  }
}

function l2EntrySize(header: Qcow2Header): number {
  return header.extendedL2 ? 16 : 8;
}

/** An L2 table is one cluster of entries. */
function l2Coverage(header: Qcow2Header): number {
  return (header.clusterSize / l2EntrySize(header)) * header.clusterSize;
}

function hostOffset(high: number, low: number): number {
  return (high & ENTRY_HIGH.offset) * TWO_TO_32 + ((low & ENTRY_LOW.offset) >>> 0);
}

/** Collects segments and joins neighbours, so that contiguous host clusters become one read. */
class SegmentList {
  readonly segments: Segment[] = [];

  add(segment: Segment): void {
    const last = this.segments.at(-1);
    if (last !== undefined && continues(last, segment)) {
      this.segments[this.segments.length - 1] = { ...last, length: last.length + segment.length };
    } else this.segments.push(segment);
  }
}

function continues(last: Segment, next: Segment): boolean {
  if (last.kind === "data") return next.kind === "data" && last.hostOffset + last.length === next.hostOffset;
  return last.kind === next.kind && last.kind !== "compressed";
}
