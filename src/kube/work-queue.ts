import { Backoff } from "./backoff.ts";
import { type Clock, systemClock } from "./clock.ts";
import { keyText, type ObjectKey } from "./resource-type.ts";

export interface WorkQueueOptions {
  readonly clock?: Clock;
  /** Upper bound of the pause after the first failure of a key; doubles with each further one. */
  readonly firstPauseMs?: number;
  readonly longestPauseMs?: number;
  readonly random?: () => number;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5 * 60_000;

/**
 * Keys that wait for a worker, each at most once. A key that is added while a worker has it comes again when that
 * worker is done, so no change is lost and no key is worked on twice at once.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #clock: Clock;
  readonly #ready = new Map<string, ObjectKey>();
  readonly #taken = new Set<string>();
  readonly #addedWhileTaken = new Map<string, ObjectKey>();
  readonly #later = new Map<string, { readonly due: number; cancel(): void }>();
  readonly #failures = new Map<string, Backoff>();
  readonly #waiting = new Set<(key: ObjectKey) => void>();

  constructor(options: WorkQueueOptions = {}) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Keys that could be taken now. */
  get length(): number {
    return this.#ready.size;
  }

  add(key: ObjectKey): void {
    const text = keyText(key);
    if (this.#taken.has(text)) {
      this.#addedWhileTaken.set(text, key);
      return;
    }
    const [worker] = this.#waiting;
    if (worker === undefined) {
      this.#ready.set(text, key);
      return;
    }
    this.#waiting.delete(worker);
    this.#taken.add(text);
    worker(key);
  }

  /** Of several moments for one key, the earliest counts. */
  addAfter(key: ObjectKey, delayMs: number): void {
    const text = keyText(key);
    const due = this.#clock.monotonic() + delayMs;
    const pending = this.#later.get(text);
    if (pending !== undefined && pending.due <= due) return;
    pending?.cancel();
    const cancel = this.#clock.after(delayMs, () => {
      this.#later.delete(text);
      this.add(key);
    });
    this.#later.set(text, { due, cancel });
  }

  /** After a failure: each one in a row waits longer. @param atLeastMs what a server asked for */
  addRateLimited(key: ObjectKey, atLeastMs = 0): void {
    const text = keyText(key);
    const { firstPauseMs = FIRST_PAUSE_MS, longestPauseMs = LONGEST_PAUSE_MS, random = Math.random } = this.#options;
    const failures =
      this.#failures.get(text) ?? new Backoff({ firstMs: firstPauseMs, longestMs: longestPauseMs, random });
    this.#failures.set(text, failures);
    this.addAfter(key, Math.max(atLeastMs, failures.next()));
  }

  /** The failures so far do not count any more. */
  forget(key: ObjectKey): void {
    this.#failures.delete(keyText(key));
  }

  /** The next key, as soon as there is one; `done` must follow. @throws the signal's reason */
  take(signal: AbortSignal): Promise<ObjectKey> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const [next] = this.#ready;
      if (next !== undefined) {
        this.#ready.delete(next[0]);
        this.#taken.add(next[0]);
        resolve(next[1]);
        return;
      }
      const onAbort = () => {
        this.#waiting.delete(give);
        reject(signal.reason);
      };
      const give = (key: ObjectKey) => {
        signal.removeEventListener("abort", onAbort);
        resolve(key);
      };
      this.#waiting.add(give);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  done(key: ObjectKey): void {
    const text = keyText(key);
    this.#taken.delete(text);
    const again = this.#addedWhileTaken.get(text);
    if (again === undefined) return;
    this.#addedWhileTaken.delete(text);
    this.add(again);
  }

  /** Forgets all that waits for a worker or for its time. */
  clear(): void {
    for (const { cancel } of this.#later.values()) cancel();
    this.#later.clear();
    this.#ready.clear();
    this.#addedWhileTaken.clear();
    this.#failures.clear();
  }
}
