import { setTimeout as sleep } from "node:timers/promises";
import { SourceError } from "../errors.ts";
import type { GetOptions, ListedItem, ListOptions, ObjectStore, ObjectStreams, ObjectSummary } from "./object-store.ts";

export interface RetryOptions {
  /** Calls in all, the first included. */
  readonly attempts?: number;
  /** Upper bound of the first pause; doubles with each further one. */
  readonly firstPauseMs?: number;
  readonly longestPauseMs?: number;
}

const DEFAULTS = { attempts: 5, firstPauseMs: 200, longestPauseMs: 5_000 };

/** Repeats what failed for a passing reason (`SourceError.retryable`), after random, growing pauses. */
export class RetryingStreams implements ObjectStreams {
  readonly #store: ObjectStreams;
  readonly #options: Required<RetryOptions>;

  constructor(store: ObjectStreams, options: RetryOptions = {}) {
    this.#store = store;
    this.#options = { ...DEFAULTS, ...options };
  }

  get name(): string {
    return this.#store.name;
  }

  /** A stream that fails begins anew and leaves out the bytes it has already given; objects do not change. */
  async *stream(key: string, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    let given = 0;
    for (let attempt = 1; ; attempt++) {
      try {
        let position = 0;
        for await (const chunk of this.#store.stream(key, signal)) {
          const fresh = chunk.subarray(Math.max(0, given - position));
          position += chunk.length;
          if (fresh.length === 0) continue;
          yield fresh;
          given = position;
          attempt = 1;
        }
        return;
      } catch (error) {
        await this.pause(attempt, error, signal);
      }
    }
  }

  /** Waits before the next attempt, or throws the error when there is none. */
  protected async pause(attempt: number, error: unknown, signal: AbortSignal | undefined): Promise<void> {
    const { attempts, firstPauseMs, longestPauseMs } = this.#options;
    if (!(error instanceof SourceError && error.retryable) || attempt >= attempts) throw error;
    signal?.throwIfAborted();
    const longest = Math.min(longestPauseMs, firstPauseMs * 2 ** (attempt - 1));
    await sleep(Math.random() * longest, undefined, signal === undefined ? {} : { signal });
  }
}

/** The same for all that a store can do. */
export class RetryingStore extends RetryingStreams implements ObjectStore {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore, options: RetryOptions = {}) {
    super(store, options);
    this.#store = store;
  }

  async head(key: string, signal?: AbortSignal): Promise<ObjectSummary | undefined> {
    return await this.#retry(() => this.#store.head(key, signal), signal);
  }

  async get(key: string, options: GetOptions = {}): Promise<Uint8Array> {
    return await this.#retry(() => this.#store.get(key, options), options.signal);
  }

  /** A listing that fails goes on behind what it has already given. */
  async *list(prefix: string, options: ListOptions = {}): AsyncIterable<ListedItem> {
    let last = options.after;
    for (let attempt = 1; ; attempt++) {
      try {
        const rest = last === undefined ? options : { ...options, after: last };
        for await (const item of this.#store.list(prefix, rest)) {
          const key = item.type === "object" ? item.key : item.prefix;
          // The keys behind a prefix's own name belong to it, so it may come again.
          if (key === last && item.type === "prefix") continue;
          yield item;
          last = key;
          attempt = 1;
        }
        return;
      } catch (error) {
        await this.pause(attempt, error, options.signal);
      }
    }
  }

  async close(): Promise<void> {
    await this.#store.close();
  }

  async #retry<Result>(call: () => Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await call();
      } catch (error) {
        await this.pause(attempt, error, signal);
      }
    }
  }
}
