import { parseDuration } from "../../bytes/duration.ts";
import { SourceError } from "../../errors.ts";
import { ApiError, isGone } from "../../kube/api-error.ts";
import type { KubeClient } from "../../kube/kube-client.ts";
import { type KubeObject, keyOf, type ResourceType, type Stored } from "../../kube/resource-type.ts";

export interface WaitOptions<T extends KubeObject> {
  readonly client: Pick<KubeClient, "find" | "watch">;
  readonly type: ResourceType<T>;
  readonly object: Stored<T>;
  /** As the user gave it: `10m`. */
  readonly timeout: string;
  /** For the message when time is up. */
  readonly what: string;
  isDone(object: Stored<T>): boolean;
  onChange?(object: Stored<T>): void;
}

const BETWEEN_WATCHES_MS = 1_000;

/**
 * Follows one object until it is as it should be.
 *
 * @returns it as it is then; undefined when somebody has deleted it
 * @throws SourceError when time is up; what watching throws, apart from what passes
 */
export async function waitUntil<T extends KubeObject>(options: WaitOptions<T>): Promise<Stored<T> | undefined> {
  const { client, type, object, what, timeout } = options;
  const expired = new SourceError(`${what} is not done after ${timeout}; it goes on without this command`, {
    retryable: true,
  });
  const end = new AbortController();
  const timer = setTimeout(() => end.abort(expired), parseDuration(timeout));
  const { signal } = end;
  try {
    for (;;) {
      const current = await client.find(type, keyOf(object), { signal });
      if (current === undefined || current.metadata.uid !== object.metadata.uid) return undefined;
      options.onChange?.(current);
      if (options.isDone(current)) return current;
      const outcome = await followed(options, current, signal);
      if (outcome !== "again") return outcome;
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_WATCHES_MS));
      signal.throwIfAborted();
    }
  } finally {
    clearTimeout(timer);
    end.abort();
  }
}

/** Until the object is right or gone, or the watch has ended, as watches do. */
async function followed<T extends KubeObject>(
  { client, type, isDone, onChange }: WaitOptions<T>,
  { metadata }: Stored<T>,
  signal: AbortSignal,
): Promise<Stored<T> | undefined | "again"> {
  const { namespace, name, uid, resourceVersion } = metadata;
  const selection = { namespace, fieldSelector: `metadata.name=${name}`, resourceVersion, signal };
  try {
    for await (const event of client.watch(type, selection)) {
      if (event.type === "BOOKMARK") continue;
      if (event.type === "DELETED" && event.object.metadata.uid === uid) return undefined;
      if (event.object.metadata.uid !== uid) continue;
      onChange?.(event.object);
      if (isDone(event.object)) return event.object;
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ApiError && (error.retryable || isGone(error)))) throw error;
  }
  return "again";
}
