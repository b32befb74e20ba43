import type { GetOptions, ListedItem, ListOptions, ObjectStore, ObjectSummary } from "./object-store.ts";

/** What has gone through a store so far. A listing counts once, however many pages it takes. */
export interface StoreUsage {
  readonly lists: number;
  readonly heads: number;
  readonly gets: number;
  /** Bytes of objects received. */
  readonly bytes: number;
}

/** Counts calls and bytes, for `--verbose` and benchmarks. */
export class MeteredStore implements ObjectStore {
  readonly #store: ObjectStore;
  #usage: StoreUsage = { lists: 0, heads: 0, gets: 0, bytes: 0 };

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  get name(): string {
    return this.#store.name;
  }

  get usage(): StoreUsage {
    return this.#usage;
  }

  #count(what: keyof StoreUsage, by = 1): void {
    this.#usage = { ...this.#usage, [what]: this.#usage[what] + by };
  }

  list(prefix: string, options?: ListOptions): AsyncIterable<ListedItem> {
    this.#count("lists");
    return this.#store.list(prefix, options);
  }

  async head(key: string, signal?: AbortSignal): Promise<ObjectSummary | undefined> {
    this.#count("heads");
    return await this.#store.head(key, signal);
  }

  async get(key: string, options?: GetOptions): Promise<Uint8Array> {
    this.#count("gets");
    const bytes = await this.#store.get(key, options);
    this.#count("bytes", bytes.length);
    return bytes;
  }

  async *stream(key: string, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    this.#count("gets");
    for await (const chunk of this.#store.stream(key, signal)) {
      this.#count("bytes", chunk.length);
      yield chunk;
    }
  }

  async close(): Promise<void> {
    await this.#store.close();
  }
}
