import { setTimeout as sleep } from "node:timers/promises";
import { ObjectNotFoundError } from "../../../src/object-store/object-not-found-error.ts";
import type {
  GetOptions,
  ListedItem,
  ListOptions,
  ObjectStore,
  ObjectSummary,
} from "../../../src/object-store/object-store.ts";

/** A bucket in memory that counts what is asked of it, and can be slow or broken. */
export class MemoryStore implements ObjectStore {
  readonly name = "memory://bucket";
  readonly objects: Map<string, Buffer>;
  /** Method and key of every request, in order. */
  readonly requests: string[] = [];
  /** Requests that fail, by key. */
  readonly failures = new Map<string, Error>();
  /** Milliseconds before every answer. */
  delay = 0;
  #running = 0;
  mostAtOnce = 0;

  constructor(...contents: readonly Iterable<readonly [string, Buffer]>[]) {
    this.objects = new Map(contents.flatMap((content) => [...content]));
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncIterable<ListedItem> {
    await this.#answer("LIST", prefix);
    const seen = new Set<string>();
    for (const key of [...this.objects.keys()].filter((each) => each.startsWith(prefix)).sort()) {
      const end = options.delimiter === undefined ? -1 : key.indexOf(options.delimiter, prefix.length);
      if (end < 0) yield { type: "object", key, size: this.objects.get(key)?.length ?? 0 };
      else if (!seen.has(key.slice(0, end + 1))) {
        seen.add(key.slice(0, end + 1));
        yield { type: "prefix", prefix: key.slice(0, end + 1) };
      }
    }
  }

  async head(key: string): Promise<ObjectSummary | undefined> {
    await this.#answer("HEAD", key);
    const object = this.objects.get(key);
    return object && { key, size: object.length };
  }

  async get(key: string, options: GetOptions = {}): Promise<Uint8Array> {
    await this.#answer("GET", key);
    const { start, length } = options.range ?? { start: 0, length: Number.POSITIVE_INFINITY };
    return this.#object(key).subarray(start, start + length);
  }

  async *stream(key: string, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    await this.#answer("GET", key);
    const object = this.#object(key);
    for (let start = 0; start < object.length; start += 1000) {
      signal?.throwIfAborted();
      yield object.subarray(start, start + 1000);
    }
  }

  async close(): Promise<void> {}

  #object(key: string): Buffer {
    const object = this.objects.get(key);
    if (object === undefined) throw new ObjectNotFoundError(this.name, key);
    return object;
  }

  async #answer(method: string, key: string): Promise<void> {
    this.requests.push(`${method} ${key}`);
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#running);
    try {
      if (this.delay > 0) await sleep(this.delay);
      const failure = this.failures.get(key);
      if (failure !== undefined) throw failure;
    } finally {
      this.#running--;
    }
  }
}
