import { AccessError, ConfigError, describeError, SourceError, UnsupportedFeatureError } from "../../../errors.ts";
import type { Logger } from "../../../kube/log.ts";
import { ObjectNotFoundError } from "../../../object-store/object-not-found-error.ts";
import type { ObjectStreams } from "../../../object-store/object-store.ts";

/** Reads by the first way for as long as it works; once it fails, by the second. */
export class FallbackStreams implements ObjectStreams {
  readonly #open: () => Promise<ObjectStreams>;
  readonly #second: ObjectStreams;
  readonly #log: Logger;
  #first: Promise<ObjectStreams> | undefined;
  #hasFailed = false;

  /** @param open opens the first way, when something is read for the first time */
  constructor(open: () => Promise<ObjectStreams>, second: ObjectStreams, log: Logger) {
    this.#open = open;
    this.#second = second;
    this.#log = log;
  }

  get name(): string {
    return this.#second.name;
  }

  async *stream(key: string, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    const chunks = await this.#begin(key, signal);
    if (chunks === undefined) {
      yield* this.#second.stream(key, signal);
      return;
    }
    yield* chunks;
  }

  /** Undefined when the first way does not lead to the object. What breaks off later is the caller's to repeat. */
  async #begin(key: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array> | undefined> {
    if (this.#hasFailed) return undefined;
    try {
      this.#first ??= this.#open();
      const chunks = (await this.#first).stream(key, signal)[Symbol.asyncIterator]();
      const begun = await chunks.next();
      return resume(begun, chunks);
    } catch (error) {
      if (signal?.aborted || error instanceof ObjectNotFoundError || !isOfTheWay(error)) throw error;
      this.#hasFailed = true;
      this.#log.info({ reason: describeError(error) }, "Could not read the bucket directly, asking Velero instead");
      return undefined;
    }
  }
}

function isOfTheWay(error: unknown): boolean {
  return [AccessError, ConfigError, SourceError, UnsupportedFeatureError].some((kind) => error instanceof kind);
}

async function* resume(first: IteratorResult<Uint8Array>, rest: AsyncIterator<Uint8Array>): AsyncIterable<Uint8Array> {
  try {
    for (let next = first; next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}
