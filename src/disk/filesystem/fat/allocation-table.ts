import { Cursor } from "../../../bytes/cursor.ts";
import { LruCache } from "../../../bytes/lru-cache.ts";
import type { ByteSource } from "../../../source/byte-source.ts";

/** Cluster numbers start at 2; entries 0 and 1 of the table hold flags. */
export const FIRST_CLUSTER = 2;

/** What an entry says when it is not the number of the next cluster; the same for every width. */
export const LINK = { FREE: 0, BAD: 0xfffffff7, END: 0xffffffff } as const;

/** A multiple of 2, so that pages of 12-bit entries are whole bytes. */
export const ENTRIES_PER_PAGE = 16_384;

/** Clusters of a table that is read whole to find those that two chains lead to: 4 MiB of FAT32. */
const LARGEST_SEARCHED_TABLE = 1024 * 1024;

/** Bytes of pages kept. */
const PAGE_BUDGET = 4 * 1024 * 1024;

export interface TableLayout {
  readonly format: "fat" | "exfat";
  /** Of 32 bits, FAT uses 28 and exFAT all. */
  readonly entryBits: 12 | 16 | 32;
  /** Bytes from the start of the volume. */
  readonly tableOffset: number;
  readonly clusterCount: number;
}

/**
 * Where chains meet: at most one of them is right. Nowhere, where that is not known: in large tables, and in exFAT's,
 * which say nothing of most files.
 */
export interface Crossings {
  /** Whether several clusters are followed by this one. */
  isShared(cluster: number): boolean;
  /** Whether any cluster is followed by this one, so that no chain begins with it. */
  isFollowing(cluster: number): boolean;
}

/** The chain of clusters as FAT and exFAT keep it: for each cluster the one that follows it. */
export class AllocationTable {
  readonly layout: TableLayout;
  readonly #source: ByteSource;
  readonly #pages = new LruCache<number, Uint32Array>(PAGE_BUDGET);

  #crossings: Crossings | undefined;

  constructor(source: ByteSource, layout: TableLayout) {
    this.#source = source;
    this.layout = layout;
  }

  isCluster(number: number): boolean {
    return number >= FIRST_CLUSTER && number < this.layout.clusterCount + FIRST_CLUSTER;
  }

  /** Entries `index * ENTRIES_PER_PAGE` and on, in the form of LINK. */
  page(index: number, signal?: AbortSignal): Uint32Array | Promise<Uint32Array> {
    return this.#pages.get(index) ?? this.#read(index, signal);
  }

  /** What follows one cluster, in the form of LINK. */
  async next(cluster: number, signal?: AbortSignal): Promise<number> {
    const page = await this.page(Math.floor(cluster / ENTRIES_PER_PAGE), signal);
    return page[cluster % ENTRIES_PER_PAGE] ?? LINK.FREE;
  }

  async crossings(signal?: AbortSignal): Promise<Crossings> {
    this.#crossings ??= await this.#findCrossings(signal);
    return this.#crossings;
  }

  async #findCrossings(signal: AbortSignal | undefined): Promise<Crossings> {
    const { format, clusterCount } = this.layout;
    const known = format === "fat" && clusterCount <= LARGEST_SEARCHED_TABLE;
    const entries = known ? clusterCount + FIRST_CLUSTER : 0;
    const shared = new Set<number>();
    const followed = new Uint8Array(entries);
    for (let index = 0; index * ENTRIES_PER_PAGE < entries; index++) {
      signal?.throwIfAborted();
      const page = await this.page(index, signal);
      for (let entry = index === 0 ? FIRST_CLUSTER : 0; entry < page.length; entry++) {
        const next = page[entry] ?? LINK.FREE;
        if (!this.isCluster(next)) continue;
        if (followed[next] === 1) shared.add(next);
        followed[next] = 1;
      }
    }
    return { isShared: (cluster) => shared.has(cluster), isFollowing: (cluster) => followed[cluster] === 1 };
  }

  async #read(index: number, signal: AbortSignal | undefined): Promise<Uint32Array> {
    const { tableOffset, entryBits, clusterCount, format } = this.layout;
    const first = index * ENTRIES_PER_PAGE;
    const count = Math.min(ENTRIES_PER_PAGE, clusterCount + FIRST_CLUSTER - first);
    const byteOffset = tableOffset + (first * entryBits) / 8;
    const bytes = await this.#source.read(byteOffset, Math.ceil((count * entryBits) / 8), signal);
    const cursor = new Cursor(bytes, { format, structure: "allocation table", byteOffset });
    const entryAt = this.#reader(cursor);
    const page = Uint32Array.from({ length: count }, (_, entry) => entryAt(entry));
    this.#pages.set(index, page, page.byteLength);
    return page;
  }

  #reader(cursor: Cursor): (entry: number) => number {
    const { entryBits, format } = this.layout;
    if (format === "exfat") return (entry) => cursor.u32le(entry * 4);
    if (entryBits === 32) return (entry) => widened(cursor.u32le(entry * 4) & 0x0fffffff, 0x0ffffff7);
    if (entryBits === 16) return (entry) => widened(cursor.u16le(entry * 2), 0xfff7);
    return (entry) => widened(twelveBits(cursor, entry), 0xff7);
  }
}

/** Two entries share the middle one of three bytes. */
function twelveBits(cursor: Cursor, entry: number): number {
  const first = entry + (entry >> 1);
  const low = cursor.u8(first);
  const high = cursor.u8(first + 1);
  return entry % 2 === 0 ? low | ((high & 0xf) << 8) : (low >> 4) | (high << 4);
}

function widened(value: number, bad: number): number {
  if (value < bad) return value;
  return value === bad ? LINK.BAD : LINK.END;
}
