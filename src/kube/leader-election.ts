import { describeError, VmfrError } from "../errors.ts";
import { isAlreadyExists, isConflict } from "./api-error.ts";
import { type Clock, sleep, systemClock } from "./clock.ts";
import type { KubeClient } from "./kube-client.ts";
import type { Logger } from "./log.ts";
import type { Stored } from "./resource-type.ts";
import { type Lease, leases } from "./resources.ts";
import { microTimestamp } from "./timestamp.ts";

export interface LeaderElectionOptions {
  readonly client: Pick<KubeClient, "find" | "create" | "replace">;
  /** The Lease that everybody who may lead agrees on. */
  readonly lease: { readonly namespace: string; readonly name: string };
  /** Of this process and no other, not even of its successor in the same pod. */
  readonly identity: string;
  readonly log: Logger;
  readonly clock?: Clock;
  /** How long others wait after they last saw a renewal; whole seconds, 15,000. */
  readonly leaseMs?: number;
  /** A leader that has not renewed for so long gives up, well before the others take over; 10,000. */
  readonly renewMs?: number;
  /** Between attempts; 2,000. */
  readonly retryMs?: number;
}

/** Another process may lead now: this one must end. */
export class LeadershipLostError extends VmfrError {
  readonly kind = "source";
}

/** The Lease as this process wrote it last, and when it set out to, by its own clock. */
interface Term {
  readonly lease: Stored<Lease>;
  readonly confirmedAt: number;
}

const DEFAULTS = { leaseMs: 15_000, renewMs: 10_000, retryMs: 2_000 };

/**
 * At most one process leads, by a Lease of coordination.k8s.io/v1. Times on the Lease are for people: who waits counts
 * from the moment at which it saw the last change, on its own clock, so clocks may differ.
 */
export class LeaderElection {
  readonly #options: LeaderElectionOptions & Required<Pick<LeaderElectionOptions, keyof typeof DEFAULTS>>;
  readonly #clock: Clock;
  #seen: { readonly resourceVersion: string; readonly at: number } | undefined;
  #leading = false;

  constructor(options: LeaderElectionOptions) {
    this.#options = { ...DEFAULTS, ...options };
    this.#clock = options.clock ?? systemClock;
  }

  get leading(): boolean {
    return this.#leading;
  }

  /**
   * Waits until this process leads, then runs `lead`. When `signal` is aborted, `lead` is told, and the Lease is given
   * back once it has ended.
   *
   * @throws LeadershipLostError as soon as the Lease could not be renewed in time; `lead` is told, not waited for
   * @throws what `lead` throws
   */
  async run(lead: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    const term = await this.#acquire(signal);
    if (term === undefined) return;
    const ending = new AbortController();
    const onAbort = () => ending.abort(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    const renewing = new AbortController();
    const renewal = this.#renew(term, renewing.signal);
    this.#leading = true;
    try {
      await Promise.race([lead(ending.signal), renewal]);
    } finally {
      this.#leading = false;
      signal.removeEventListener("abort", onAbort);
      ending.abort(new LeadershipLostError("leadership has ended"));
      renewing.abort();
      const last = await renewal.catch(() => undefined);
      if (last !== undefined) await this.#release(last);
    }
  }

  /** @returns undefined when it was aborted before this process became the leader */
  async #acquire(signal: AbortSignal): Promise<Term | undefined> {
    const { identity, log, retryMs } = this.#options;
    while (!signal.aborted) {
      try {
        const term = await this.#tryAcquire();
        if (term !== undefined) {
          log.info({ identity }, "Became leader");
          if (!signal.aborted) return term;
          await this.#release(term);
        }
      } catch (error) {
        // Losing a race is how elections go.
        if (!isConflict(error) && !isAlreadyExists(error)) {
          log.warn({ identity, reason: describeError(error) }, "Could not take part in the election");
        }
      }
      await sleep(this.#clock, retryMs * (1 + Math.random() / 5), signal).catch(() => undefined);
    }
    return undefined;
  }

  async #tryAcquire(): Promise<Term | undefined> {
    const { client, lease: key } = this.#options;
    const found = await client.find(leases, key, this.#call());
    if (found !== undefined && !this.#mayTake(found)) return undefined;
    const confirmedAt = this.#clock.monotonic();
    const spec = this.#claim(found?.spec);
    if (found !== undefined)
      return { lease: await client.replace(leases, { ...found, spec }, this.#call()), confirmedAt };
    const lease: Lease = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: key, spec };
    return { lease: await client.create(leases, lease, this.#call()), confirmedAt };
  }

  #mayTake({ metadata: { resourceVersion }, spec = {} }: Stored<Lease>): boolean {
    const { identity, leaseMs } = this.#options;
    const { holderIdentity = "", leaseDurationSeconds = 0 } = spec;
    if (holderIdentity === "" || holderIdentity === identity) return true;
    const now = this.#clock.monotonic();
    if (this.#seen?.resourceVersion !== resourceVersion) this.#seen = { resourceVersion, at: now };
    // A holder of another version may have promised to renew less often than we do.
    return now - this.#seen.at >= Math.max(leaseMs, leaseDurationSeconds * 1000);
  }

  #claim(before: Lease["spec"] = {}): NonNullable<Lease["spec"]> {
    const { identity, leaseMs } = this.#options;
    const now = microTimestamp(this.#clock.now());
    const mine = before.holderIdentity === identity;
    return {
      holderIdentity: identity,
      leaseDurationSeconds: leaseMs / 1000,
      renewTime: now,
      acquireTime: (mine ? before.acquireTime : undefined) ?? now,
      leaseTransitions: (before.leaseTransitions ?? 0) + (mine || before.holderIdentity === undefined ? 0 : 1),
    };
  }

  /** @returns the last term, when aborted. @throws LeadershipLostError */
  async #renew(first: Term, signal: AbortSignal): Promise<Term> {
    const { renewMs, retryMs, identity, log } = this.#options;
    let term = first;
    const remaining = () => renewMs - (this.#clock.monotonic() - term.confirmedAt);
    for (;;) {
      // At least a moment: what is left of a millisecond may be too little for any clock to move.
      await sleep(this.#clock, Math.max(1, Math.min(retryMs, remaining())), signal).catch(() => undefined);
      if (signal.aborted) return term;
      // Also when the process was held up: another may lead by now, so nothing is tried any more.
      if (remaining() <= 0) throw new LeadershipLostError("the leader's lease could not be renewed in time");
      try {
        term = await this.#renewOnce(term, remaining());
      } catch (error) {
        if (error instanceof LeadershipLostError) throw error;
        log.warn({ identity, reason: describeError(error) }, "Could not renew the leader's lease");
      }
    }
  }

  async #renewOnce({ lease, confirmedAt }: Term, remainingMs: number): Promise<Term> {
    const { client, lease: key, identity } = this.#options;
    const now = this.#clock.monotonic();
    const renewed = { ...lease, spec: this.#claim(lease.spec) };
    try {
      return { lease: await client.replace(leases, renewed, this.#call(remainingMs)), confirmedAt: now };
    } catch (error) {
      if (!isConflict(error)) throw error;
      // Our own write before, whose answer was lost, or somebody put a label on it; or we were too late.
      const found = await client.find(leases, key, this.#call(remainingMs));
      if (found?.spec?.holderIdentity === identity) return { lease: found, confirmedAt };
      throw new LeadershipLostError(`another process leads now: ${found?.spec?.holderIdentity ?? "its lease is gone"}`);
    }
  }

  /** Lets the next one start at once. */
  async #release({ lease }: Term): Promise<void> {
    const { client, identity, log } = this.#options;
    try {
      const spec = { ...this.#claim(lease.spec), holderIdentity: "", leaseDurationSeconds: 1 };
      await client.replace(leases, { ...lease, spec }, this.#call());
      log.info({ identity }, "Gave up leadership");
    } catch (error) {
      log.warn({ identity, reason: describeError(error) }, "Could not give up the leader's lease");
    }
  }

  /** One attempt at a time: this class does the repeating. */
  #call(longestMs = Number.POSITIVE_INFINITY) {
    return { attempts: 1, timeoutMs: Math.min(longestMs, this.#options.retryMs * 2) };
  }
}
