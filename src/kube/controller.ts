import { describeError } from "../errors.ts";
import { ApiError, isConflict } from "./api-error.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { Logger } from "./log.ts";
import type { ChangeListener } from "./object-cache.ts";
import { type Reconciler, TerminalReconcileError } from "./reconciler.ts";
import { type KubeObject, keyOf, keyText, type ObjectKey, type Stored } from "./resource-type.ts";
import type { WorkQueue } from "./work-queue.ts";

export type ReconcileOutcome = "success" | "requeue" | "error" | "terminal-error";

export interface ControllerMetrics {
  reconciled(controller: string, outcome: ReconcileOutcome, durationMs: number): void;
}

export interface ControllerOptions {
  readonly name: string;
  readonly queue: WorkQueue;
  readonly reconciler: Reconciler;
  /** Keys at once; 1. */
  readonly concurrency?: number;
  readonly log: Logger;
  readonly metrics?: ControllerMetrics;
  readonly clock?: Clock;
}

/** Takes keys from the queue and reconciles them; failures come again, later and later. */
export class Controller {
  readonly #options: ControllerOptions;
  readonly #clock: Clock;

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Until the signal is aborted; resolves when no reconciliation runs any more. */
  async run(signal: AbortSignal): Promise<void> {
    const { queue, concurrency = 1 } = this.#options;
    await Promise.all(Array.from({ length: concurrency }, () => this.#work(signal)));
    queue.clear();
  }

  async #work(signal: AbortSignal): Promise<void> {
    const { queue } = this.#options;
    for (;;) {
      const key = await queue.take(signal).catch(() => undefined);
      if (key === undefined) return;
      await this.#reconcile(key, signal);
      queue.done(key);
    }
  }

  async #reconcile(key: ObjectKey, signal: AbortSignal): Promise<void> {
    const { name, queue, reconciler, metrics } = this.#options;
    const start = this.#clock.monotonic();
    const finish = (outcome: ReconcileOutcome) => metrics?.reconciled(name, outcome, this.#clock.monotonic() - start);
    try {
      const result = await reconciler.reconcile(key, signal);
      queue.forget(key);
      if (result?.requeueAfterMs !== undefined) queue.addAfter(key, result.requeueAfterMs);
      finish(result?.requeueAfterMs === undefined ? "success" : "requeue");
    } catch (error) {
      if (signal.aborted) return;
      finish(this.#fail(key, error));
    }
  }

  #fail(key: ObjectKey, error: unknown): ReconcileOutcome {
    const { name, queue, log } = this.#options;
    const fields = { controller: name, object: keyText(key), reason: describeError(error) };
    if (error instanceof TerminalReconcileError) {
      log.error(fields, "Reconciliation failed for good");
      queue.forget(key);
      return "terminal-error";
    }
    // Somebody else was faster: daily business, not trouble.
    if (isConflict(error)) log.info(fields, "Reconciliation met a change");
    else log.warn(fields, "Reconciliation failed");
    queue.addRateLimited(key, error instanceof ApiError ? error.retryAfterMs : 0);
    return "error";
  }
}

/** For an informer: queues the keys that a change concerns, those of the object as it was and as it is now. */
export function enqueueOnChange<T extends KubeObject>(
  queue: WorkQueue,
  keysFor: (object: Stored<T>) => Iterable<ObjectKey> = (object) => [keyOf(object)],
): ChangeListener<T> {
  return (before, now) => {
    for (const object of [before, now]) {
      if (object !== undefined) for (const key of keysFor(object)) queue.add(key);
    }
  };
}
