import { randomBytes } from "node:crypto";
import type { ObjectReference } from "kubernetes-types/core/v1.js";
import { LruCache } from "../bytes/lru-cache.ts";
import { describeError } from "../errors.ts";
import { isNotFound } from "./api-error.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { KubeClient } from "./kube-client.ts";
import type { Logger } from "./log.ts";
import type { KubeObject, Stored } from "./resource-type.ts";
import { type Event, events } from "./resources.ts";
import { microTimestamp } from "./timestamp.ts";

export interface EventRecorderOptions {
  readonly client: Pick<KubeClient, "create" | "mergePatch">;
  /** Qualified name of the controller: `vmfr.example.org/discovery`. */
  readonly controller: string;
  /** This process, for instance the pod's name. */
  readonly instance: string;
  readonly log: Logger;
  readonly clock?: Clock;
}

export interface NewEvent {
  readonly type: "Normal" | "Warning";
  /** Why, one word for machines: `DiskUnreadable`. */
  readonly reason: string;
  /** What the controller was doing, one word: `Inspect`. */
  readonly action: string;
  /** For people; cut after 1,024 bytes. Never a secret. */
  readonly note: string;
}

/** The API server's own bounds. */
const LONGEST_NOTE = 1024;
const LONGEST_NAME = 253;
/** The same event again within this time is counted, not written again. */
const SERIES_MS = 10 * 60_000;
/** Of one object: this many different events at once, then one every so often. */
const BURST = 25;
const REFILL_MS = 60_000;
const REMEMBERED = 2_048;

/** One event, and how often it has happened. */
interface Series {
  readonly event: Event;
  readonly startedAt: number;
  count: number;
}

/**
 * Kubernetes events about objects (events.k8s.io/v1). Repetitions are counted and floods are cut off; an event that
 * cannot be written is logged and is nobody's failure.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #clock: Clock;
  readonly #series = new LruCache<string, Series>(REMEMBERED);
  readonly #budgets = new LruCache<string, { tokens: number; at: number }>(REMEMBERED);
  /** Written one after the other, so that a count comes after its event. */
  #writing: Promise<void> = Promise.resolve();

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  record(about: Stored<KubeObject>, { type, reason, action, note }: NewEvent): void {
    const { uid } = about.metadata;
    const now = this.#clock.now();
    const text = Buffer.from(note)
      .subarray(0, LONGEST_NOTE)
      .toString("utf8")
      .replace(/\uFFFD+$/, "");
    const identity = JSON.stringify([uid, type, reason, action, text]);
    const known = this.#series.get(identity);
    if (known !== undefined && now - known.startedAt < SERIES_MS) {
      this.#countAgain(known);
      return;
    }
    if (!this.#mayRecord(uid)) return;
    const event = this.#event(about, { type, reason, action, note: text }, now);
    this.#series.set(identity, { event, startedAt: now, count: 1 });
    this.#write(async () => {
      await this.#options.client.create(events, event);
    });
  }

  /** Waits until all that was recorded is written, or has failed. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  /** Written at 2, 4, 8, … times, so that a reconciler that fails in a loop costs little. */
  #countAgain(known: Series): void {
    const count = ++known.count;
    if (!Number.isInteger(Math.log2(count))) return;
    const { client } = this.#options;
    const { event } = known;
    const series = { count, lastObservedTime: microTimestamp(this.#clock.now()) };
    const key = { namespace: event.metadata.namespace ?? "default", name: event.metadata.name ?? "" };
    this.#write(async () => {
      try {
        await client.mergePatch(events, key, { series });
      } catch (error) {
        // The API server drops events after an hour, or whatever it was told.
        if (!isNotFound(error)) throw error;
        await client.create(events, { ...event, series });
      }
    });
  }

  #event({ apiVersion, kind, metadata }: Stored<KubeObject>, content: NewEvent, now: number): Event {
    const { namespace, name, uid, resourceVersion } = metadata;
    const suffix = randomBytes(8).toString("hex");
    const regarding: ObjectReference = { apiVersion, kind, name, uid, resourceVersion };
    if (namespace !== undefined) regarding.namespace = namespace;
    return {
      apiVersion: "events.k8s.io/v1",
      kind: "Event",
      metadata: {
        namespace: namespace ?? "default",
        name: `${name.slice(0, LONGEST_NAME - suffix.length - 1)}.${suffix}`,
      },
      eventTime: microTimestamp(now),
      reportingController: this.#options.controller,
      reportingInstance: this.#options.instance,
      regarding,
      ...content,
    };
  }

  /** A bucket of tokens for each object. */
  #mayRecord(uid: string): boolean {
    const now = this.#clock.monotonic();
    const { tokens, at } = this.#budgets.get(uid) ?? { tokens: BURST, at: now };
    const filled = Math.min(BURST, tokens + (now - at) / REFILL_MS);
    const allowed = filled >= 1;
    this.#budgets.set(uid, { tokens: allowed ? filled - 1 : filled, at: now });
    return allowed;
  }

  #write(work: () => Promise<void>): void {
    this.#writing = this.#writing.then(work).catch((error: unknown) => {
      this.#options.log.warn({ reason: describeError(error) }, "Could not write event");
    });
  }
}
