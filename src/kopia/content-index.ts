import { ObjectNotFoundError } from "../object-store/object-not-found-error.ts";
import { type BlobReader, missingBlobError, type SealedBlobReader } from "./blob-reader.ts";
import type { ContentKey } from "./content-id.ts";
import { type IndexBlob, type IndexEntry, parseIndexBlob } from "./index-blob.ts";
import { type LiveIndexBlobs, liveIndexBlobs } from "./live-index-blobs.ts";
import { type CompactionLog, liveIndexBlobsV0, parseCompactionLog } from "./live-index-blobs-v0.ts";

/** Index blobs fetched at a time. */
const CONCURRENCY = 12;

/** Maintenance replaces index blobs hours before it deletes them; looking this often never misses one. */
const STALE_AFTER_MS = 15 * 60_000;

export interface IndexProgress {
  readonly loaded: number;
  readonly total: number;
}

export interface ContentIndexOptions {
  readonly blobs: BlobReader;
  readonly sealed: SealedBlobReader;
  /** `x…` blobs in epochs (formats 2 and 3) rather than `n…` blobs (format 1). */
  readonly epochs: boolean;
  readonly onProgress?: ((progress: IndexProgress) => void) | undefined;
}

/** Where every content of the repository is: the live index blobs, merged at look-up. */
export class ContentIndex {
  readonly #options: ContentIndexOptions;
  #loaded = new Map<string, IndexBlob>();
  #watermark = 0;
  #refreshedAt = 0;
  #generation = 0;
  #refreshing: Promise<void> | undefined;

  private constructor(options: ContentIndexOptions) {
    this.#options = options;
  }

  static async open(options: ContentIndexOptions, signal?: AbortSignal): Promise<ContentIndex> {
    const index = new ContentIndex(options);
    await index.#refreshOnce(signal);
    return index;
  }

  /** Grows whenever a refresh found other index blobs than before. */
  get generation(): number {
    return this.#generation;
  }

  /** Ids of the live index blobs. */
  get blobIds(): readonly string[] {
    return [...this.#loaded.keys()];
  }

  /** Undefined when the repository does not hold the content (any more). */
  find(key: ContentKey): IndexEntry | undefined {
    let winner: IndexEntry | undefined;
    for (const blob of this.#loaded.values()) {
      const entry = blob.find(key);
      if (entry !== undefined && (winner === undefined || supersedes(entry, winner))) winner = entry;
    }
    if (winner?.deleted && winner.timestamp <= this.#watermark) return undefined;
    return winner;
  }

  /** Keys with that prefix letter whose contents are not deleted, each once. */
  *keysWithPrefix(letter: string): Iterable<ContentKey> {
    const seen = new Set<string>();
    for (const blob of this.#loaded.values()) {
      for (const key of blob.keysWithPrefix(letter.charCodeAt(0))) {
        const text = Buffer.from(key).toString("latin1");
        if (seen.has(text)) continue;
        seen.add(text);
        if (this.find(key)?.deleted === false) yield key;
      }
    }
  }

  /** Lists again and loads what is new. Concurrent callers share one pass. */
  async refresh(): Promise<void> {
    this.#refreshing ??= this.#refreshOnce().finally(() => {
      this.#refreshing = undefined;
    });
    await this.#refreshing;
  }

  /** The index in memory stays valid for hours, so a refresh that fails here is left to the next one. */
  async refreshWhenStale(): Promise<void> {
    if (Date.now() - this.#refreshedAt < STALE_AFTER_MS) return;
    this.#refreshedAt = Date.now();
    await this.refresh().catch(() => undefined);
  }

  async #refreshOnce(signal?: AbortSignal): Promise<void> {
    try {
      await this.#load(signal);
    } catch (error) {
      if (!(error instanceof ObjectNotFoundError)) throw error;
      // A compaction replaced a listed blob before it was fetched: the new listing names its successor.
      await this.#load(signal).catch((again: unknown) => {
        if (!(again instanceof ObjectNotFoundError)) throw again;
        throw missingBlobError(this.#options.blobs, `index blob ${again.key}`, again);
      });
    }
    this.#refreshedAt = Date.now();
  }

  async #load(signal: AbortSignal | undefined): Promise<void> {
    const live = this.#options.epochs ? await this.#listEpochs(signal) : await this.#listV0(signal);
    const missing = live.ids.filter((id) => !this.#loaded.has(id));
    const fetched = await this.#fetch(missing, signal);
    const dropped = [...this.#loaded.keys()].some((id) => !live.ids.includes(id));
    this.#loaded = new Map(live.ids.map((id) => [id, (this.#loaded.get(id) ?? fetched.get(id)) as IndexBlob]));
    this.#watermark = live.watermark ?? 0;
    if (dropped || missing.length > 0) this.#generation++;
  }

  async #listEpochs(signal: AbortSignal | undefined): Promise<LiveIndexBlobs> {
    return liveIndexBlobs(await this.#options.blobs.list("x", signal));
  }

  async #listV0(signal: AbortSignal | undefined): Promise<LiveIndexBlobs> {
    const { blobs, sealed } = this.#options;
    const logIds = await blobs.list("m", signal);
    const logs: CompactionLog[] = [];
    for (const id of logIds) {
      logs.push(parseCompactionLog(await sealed.get(id, signal), id));
    }
    return { ids: liveIndexBlobsV0(await blobs.list("n", signal), logs) };
  }

  async #fetch(ids: readonly string[], signal: AbortSignal | undefined): Promise<Map<string, IndexBlob>> {
    const { sealed, onProgress } = this.#options;
    const fetched = new Map<string, IndexBlob>();
    // The first failure stops the others.
    const abort = new AbortController();
    const stop = signal === undefined ? abort.signal : AbortSignal.any([abort.signal, signal]);
    const queue = ids.values();
    const worker = async (): Promise<void> => {
      for (const id of queue) {
        if (stop.aborted) return;
        fetched.set(id, parseIndexBlob(await sealed.get(id, stop), id));
        onProgress?.({ loaded: fetched.size, total: ids.length });
      }
    };
    try {
      await Promise.all(Array.from({ length: Math.min(CONCURRENCY, ids.length) }, worker));
    } finally {
      abort.abort();
    }
    signal?.throwIfAborted();
    return fetched;
  }
}

/** Kopia's merge order (kopia: repo/content/index/merged.go): newest, then not deleted, then the larger pack id. */
function supersedes(entry: IndexEntry, other: IndexEntry): boolean {
  if (entry.timestamp !== other.timestamp) return entry.timestamp > other.timestamp;
  if (entry.deleted !== other.deleted) return !entry.deleted;
  return entry.packBlob > other.packBlob;
}
