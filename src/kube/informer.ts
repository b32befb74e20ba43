import { describeError } from "../errors.ts";
import { ApiError, isGone } from "./api-error.ts";
import { Backoff } from "./backoff.ts";
import type { Selection } from "./client-options.ts";
import { type Clock, sleep, systemClock } from "./clock.ts";
import type { KubeClient } from "./kube-client.ts";
import type { Logger } from "./log.ts";
import { type ChangeListener, type IndexFunction, ObjectCache } from "./object-cache.ts";
import { type KubeObject, type ObjectKey, type ResourceType, resourceName, type Stored } from "./resource-type.ts";

export interface InformerOptions<T extends KubeObject> extends Selection {
  readonly client: Pick<KubeClient, "listPage" | "watch">;
  readonly type: ResourceType<T>;
  readonly log: Logger;
  /** What of each object stays in memory; must leave name, namespace, uid and resource version. Absent: all of it. */
  readonly keep?: (object: Stored<T>) => Stored<T>;
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>>;
  readonly clock?: Clock;
}

const PAUSES = { firstMs: 500, longestMs: 30_000 };
/** A list and watch that ends sooner than this counts as a failure, however friendly it ended. */
const HEALTHY_MS = 5_000;
/** Watches end after 5 to 10 minutes, not all at once. */
const SHORTEST_WATCH_SECONDS = 300;

/**
 * A copy of the objects of one kind, kept up to date by list and watch. Errors are logged and survived: it tries again
 * for as long as it runs, at growing intervals.
 */
export class Informer<T extends KubeObject> {
  /** Resolves after the first complete list. Rejects with the signal's reason when stopped before. */
  readonly synced: Promise<void>;
  readonly #options: InformerOptions<T>;
  readonly #clock: Clock;
  readonly #cache: ObjectCache<T>;
  readonly #listeners = new Set<ChangeListener<T>>();
  #settleSynced: { resolve(): void; reject(reason: unknown): void } = { resolve() {}, reject() {} };

  constructor(options: InformerOptions<T>) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#cache = new ObjectCache(options.indexes ?? {}, (before, now) => this.#tell(before, now));
    this.synced = new Promise((resolve, reject) => {
      this.#settleSynced = { resolve, reject };
    });
    // Not everybody waits for it.
    this.synced.catch(() => undefined);
  }

  /** Runs until the signal is aborted. */
  start(signal: AbortSignal): void {
    void this.#run(signal).catch((reason: unknown) => this.#settleSynced.reject(reason));
  }

  get(key: ObjectKey): Stored<T> | undefined {
    return this.#cache.get(key);
  }

  list(namespace?: string): Stored<T>[] {
    return this.#cache.list(namespace);
  }

  /** @throws RangeError when the informer was made without this index */
  byIndex(index: string, value: string): Stored<T>[] {
    return this.#cache.byIndex(index, value);
  }

  /** Tells of every change from now on, and of all that is there already. @returns what ends it */
  onChange(listener: ChangeListener<T>): () => void {
    this.#listeners.add(listener);
    for (const object of this.#cache.list()) this.#tellOne(listener, undefined, object);
    return () => this.#listeners.delete(listener);
  }

  /** @throws the signal's reason, nothing else */
  async #run(signal: AbortSignal): Promise<never> {
    const pauses = new Backoff(PAUSES);
    let resourceVersion: string | undefined;
    for (;;) {
      signal.throwIfAborted();
      const start = this.#clock.monotonic();
      try {
        resourceVersion ??= await this.#relist(signal);
        for await (const version of this.#watch(resourceVersion, signal)) resourceVersion = version;
      } catch (error) {
        signal.throwIfAborted();
        // After a broken connection the watch goes on where it was; else a new list sets everything right.
        if (!(error instanceof ApiError && error.retryable) || isGone(error)) resourceVersion = undefined;
        this.#options.log.warn(
          { resource: resourceName(this.#options.type), reason: describeError(error) },
          "Lost watch",
        );
      }
      if (this.#clock.monotonic() - start >= HEALTHY_MS) pauses.reset();
      else await sleep(this.#clock, pauses.next(), signal);
    }
  }

  /** @returns the resource version to watch from */
  async #relist(signal: AbortSignal): Promise<string> {
    const { client, type, namespace, labelSelector, fieldSelector } = this.#options;
    const objects: Stored<T>[] = [];
    let from: string | undefined;
    for (;;) {
      const page = await client.listPage(type, { namespace, labelSelector, fieldSelector, signal, from });
      objects.push(...page.items.map((object) => this.#kept(object)));
      from = page.continueToken;
      if (from !== undefined) continue;
      this.#cache.replaceAll(objects);
      this.#settleSynced.resolve();
      return page.resourceVersion;
    }
  }

  /** Applies the changes and gives the resource version after each. */
  async *#watch(resourceVersion: string, signal: AbortSignal): AsyncIterable<string> {
    const { client, type, namespace, labelSelector, fieldSelector } = this.#options;
    const timeoutSeconds = Math.round(SHORTEST_WATCH_SECONDS * (1 + Math.random()));
    const selection = { namespace, labelSelector, fieldSelector };
    for await (const event of client.watch(type, { ...selection, resourceVersion, timeoutSeconds, signal })) {
      if (event.type === "BOOKMARK") {
        yield event.resourceVersion;
        continue;
      }
      if (event.type === "DELETED") this.#cache.delete(event.object);
      else this.#cache.set(this.#kept(event.object));
      yield event.object.metadata.resourceVersion;
    }
  }

  #kept(object: Stored<T>): Stored<T> {
    return this.#options.keep?.(object) ?? object;
  }

  #tell(before: Stored<T> | undefined, now: Stored<T> | undefined): void {
    for (const listener of this.#listeners) this.#tellOne(listener, before, now);
  }

  #tellOne(listener: ChangeListener<T>, before: Stored<T> | undefined, now: Stored<T> | undefined): void {
    try {
      listener(before, now);
    } catch (error) {
      const resource = resourceName(this.#options.type);
      this.#options.log.error({ resource, reason: describeError(error) }, "Listener failed");
    }
  }
}
