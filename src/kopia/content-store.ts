import { LruCache } from "../bytes/lru-cache.ts";
import { CorruptDataError, type CorruptionPlace } from "../errors.ts";
import { ObjectNotFoundError } from "../object-store/object-not-found-error.ts";
import { ObjectTooShortError } from "../object-store/object-too-short-error.ts";
import { type BlobReader, missingBlobError } from "./blob-reader.ts";
import { COMPRESSION_HEADER_LENGTH, compressionHeader, type DecompressContent } from "./compression.ts";
import type { ContentEncryption } from "./content-encryption.ts";
import type { ContentHash } from "./content-hash.ts";
import { type ContentKey, contentHash, contentIdText } from "./content-id.ts";
import type { ContentIndex } from "./content-index.ts";
import type { IndexEntry } from "./index-blob.ts";
import { SharedLoads } from "./shared-load.ts";

/** Contents in one pack with no more than this between them are fetched with one request. */
const MAX_GAP = 64 * 1024;

/** Bytes fetched with one request at most, unless a single content is larger. */
const MAX_REQUEST = 16 * 1024 * 1024;

export interface ContentStoreOptions {
  readonly blobs: BlobReader;
  readonly index: ContentIndex;
  readonly encryption: ContentEncryption;
  readonly hash: ContentHash;
  readonly decompress: DecompressContent;
  /** Bytes of plaintext kept in memory. */
  readonly cacheBytes: number;
}

/** The contents of a repository: located, fetched, decrypted, decompressed, verified, cached. */
export class ContentStore {
  readonly #options: ContentStoreOptions;
  readonly #cache: LruCache<string, Uint8Array>;
  readonly #loads = new SharedLoads<string, Uint8Array>();

  constructor(options: ContentStoreOptions) {
    this.#options = options;
    this.#cache = new LruCache(options.cacheBytes);
  }

  /** The keyed hash of the repository's contents. */
  get hash(): ContentHash {
    return this.#options.hash;
  }

  get decompress(): DecompressContent {
    return this.#options.decompress;
  }

  /** Bytes of plaintext. @throws SourceError when the repository does not hold the content. */
  async lengthOf(key: ContentKey): Promise<number> {
    return (await this.#locate(key)).originalLength;
  }

  /**
   * The content's plaintext, verified against its id.
   * @throws CorruptDataError naming the pack blob and the content, SourceError when a blob is missing.
   */
  async read(key: ContentKey, signal?: AbortSignal): Promise<Uint8Array> {
    const cacheKey = cacheKeyOf(key);
    const cached = this.#cache.get(cacheKey);
    if (cached !== undefined) return cached;
    return await this.#loads.load(cacheKey, (loading) => this.#load(key, loading), signal);
  }

  /**
   * Starts loading contents that will be needed soon, neighbours in a pack with one request. Failures are
   * left to the `read` that asks for the content.
   */
  async prefetch(keys: readonly ContentKey[]): Promise<void> {
    await this.#prefetch(keys).catch(() => undefined);
  }

  async #prefetch(keys: readonly ContentKey[]): Promise<void> {
    const wanted = keys.filter(
      (key) => this.#cache.get(cacheKeyOf(key)) === undefined && !this.#loads.has(cacheKeyOf(key)),
    );
    const located = wanted.flatMap((key) => {
      const entry = this.#options.index.find(key);
      return entry === undefined ? [] : [{ key, entry }];
    });
    const groups = groupNeighbours(located).map((group) => this.#prefetchGroup(group));
    await Promise.all(groups);
  }

  async #prefetchGroup(group: Group): Promise<void> {
    const bytes = this.#options.blobs.get(group.packBlob, { start: group.start, length: group.end - group.start });
    const loads = group.members.map(({ key, entry }) =>
      this.#loads.load(cacheKeyOf(key), async (signal) => {
        const fetched = await bytes.catch(() => undefined);
        // Readers may have joined this load: it must go through everything a single read would try.
        if (fetched === undefined) return await this.#load(key, signal);
        const start = entry.packOffset - group.start;
        return this.#keep(key, this.#open(key, entry, fetched.subarray(start, start + entry.packedLength)));
      }),
    );
    await Promise.allSettled(loads);
  }

  async #load(key: ContentKey, signal: AbortSignal): Promise<Uint8Array> {
    await this.#options.index.refreshWhenStale();
    const entry = await this.#locate(key);
    let stored: Uint8Array;
    try {
      stored = await this.#fetch(key, entry, signal);
    } catch (error) {
      if (!(error instanceof ObjectNotFoundError)) throw error;
      // Maintenance moved the content to another pack: the current index knows where.
      await this.#options.index.refresh();
      const moved = await this.#locate(key);
      stored = await this.#fetch(key, moved, signal).catch((again: unknown) => {
        if (!(again instanceof ObjectNotFoundError)) throw again;
        throw missingBlobError(
          this.#options.blobs,
          `pack blob ${moved.packBlob} with content ${contentIdText(key)}`,
          again,
        );
      });
      return this.#keep(key, this.#open(key, moved, stored));
    }
    return this.#keep(key, this.#open(key, entry, stored));
  }

  async #locate(key: ContentKey): Promise<IndexEntry> {
    const { index, blobs } = this.#options;
    const known = index.find(key);
    if (known !== undefined) return known;
    await index.refresh();
    const found = index.find(key);
    if (found !== undefined) return found;
    throw new CorruptDataError(
      { format: "kopia", structure: `content ${contentIdText(key)}` },
      `no index blob of ${blobs.name} names it; is this a torn copy of the bucket?`,
    );
  }

  async #fetch(key: ContentKey, entry: IndexEntry, signal: AbortSignal): Promise<Uint8Array> {
    const range = { start: entry.packOffset, length: entry.packedLength };
    try {
      return await this.#options.blobs.get(entry.packBlob, range, signal);
    } catch (error) {
      if (!(error instanceof ObjectTooShortError)) throw error;
      throw new CorruptDataError(placeOf(key, entry), "truncated: the pack blob ends before the content", {
        cause: error,
      });
    }
  }

  /** Undoes encryption and compression, and checks every checksum there is. */
  #open(key: ContentKey, entry: IndexEntry, stored: Uint8Array): Uint8Array {
    const { encryption, hash } = this.#options;
    const place = placeOf(key, entry);
    const opened = encryption.open(stored, contentHash(key));
    if (opened === undefined) throw new CorruptDataError(place, "damaged: its authentication tag does not match");
    const plaintext = entry.compression === 0 ? opened : this.#decompress(opened, entry, place);
    if (plaintext.length !== entry.originalLength) {
      throw new CorruptDataError(place, `holds ${plaintext.length} bytes, the index says ${entry.originalLength}`);
    }
    if (Buffer.compare(hash(plaintext), contentHash(key)) !== 0) {
      throw new CorruptDataError(place, "its hash does not match its id");
    }
    return plaintext;
  }

  #decompress(opened: Uint8Array, entry: IndexEntry, place: CorruptionPlace): Uint8Array {
    if (opened.length < COMPRESSION_HEADER_LENGTH || compressionHeader(opened) !== entry.compression) {
      throw new CorruptDataError(place, "its compression header is not the one in the index");
    }
    const plaintext = this.#options.decompress(opened, entry.originalLength);
    if (plaintext === undefined) throw new CorruptDataError(place, "does not decompress");
    return plaintext;
  }

  #keep(key: ContentKey, plaintext: Uint8Array): Uint8Array {
    this.#cache.set(cacheKeyOf(key), plaintext, plaintext.length);
    return plaintext;
  }

  close(): void {
    this.#cache.clear();
  }
}

function placeOf(key: ContentKey, entry: IndexEntry): CorruptionPlace {
  return {
    format: "kopia",
    structure: `content ${contentIdText(key)} in pack blob ${entry.packBlob}`,
    byteOffset: entry.packOffset,
  };
}

function cacheKeyOf(key: ContentKey): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1");
}

interface Located {
  readonly key: ContentKey;
  readonly entry: IndexEntry;
}

/** Contents of one pack that one ranged request fetches: bytes `start` to `end - 1`. */
interface Group {
  readonly packBlob: string;
  readonly start: number;
  end: number;
  readonly members: Located[];
}

function groupNeighbours(located: readonly Located[]): Group[] {
  const groups: Group[] = [];
  for (const item of located) {
    const { packBlob, packOffset: start, packedLength } = item.entry;
    const end = start + packedLength;
    const last = groups.at(-1);
    const gap = last?.packBlob === packBlob ? start - last.end : -1;
    if (last !== undefined && gap >= 0 && gap <= MAX_GAP && end - last.start <= MAX_REQUEST) {
      last.members.push(item);
      last.end = end;
    } else groups.push({ packBlob, start, end, members: [item] });
  }
  return groups;
}
