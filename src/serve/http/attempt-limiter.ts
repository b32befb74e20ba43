/** Slows down guessing: a few wrong passwords are free, then each one costs a pause that doubles. */
import { LruCache } from "../../bytes/lru-cache.ts";

export interface AttemptLimiter {
  /** Seconds to wait before these may try again; 0 when they may now. */
  waitSeconds(address: string, user: string): number;
  failed(address: string, user: string): void;
  succeeded(address: string, user: string): void;
}

interface Failures {
  count: number;
  lockedUntil: number;
  forgetAt: number;
}

const FREE_FAILURES_PER_USER = 5;
/** Higher, because behind a router or tunnel many people share an address. */
const FREE_FAILURES_PER_ADDRESS = 20;
const FIRST_PAUSE_MS = 5_000;
/** Short: a longer one would let anybody who shares the address keep everybody else out. */
const LONGEST_PAUSE_MS = 60_000;
const FORGET_AFTER_MS = 15 * 60_000;
const MOST_KEYS = 10_000;

export function createAttemptLimiter(now: () => number = Date.now): AttemptLimiter {
  const failures = new LruCache<string, Failures>(MOST_KEYS);

  function current(key: string): Failures | undefined {
    const entry = failures.get(key);
    return entry !== undefined && entry.forgetAt > now() ? entry : undefined;
  }

  function count(key: string, free: number): void {
    const total = (current(key)?.count ?? 0) + 1;
    const pause = total < free ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** (total - free), LONGEST_PAUSE_MS);
    failures.set(key, { count: total, lockedUntil: now() + pause, forgetAt: now() + FORGET_AFTER_MS });
  }

  return {
    waitSeconds(address, user) {
      const until = Math.max(current(userKey(address, user))?.lockedUntil ?? 0, current(address)?.lockedUntil ?? 0);
      return Math.max(0, Math.ceil((until - now()) / 1000));
    },
    failed(address, user) {
      count(userKey(address, user), FREE_FAILURES_PER_USER);
      count(address, FREE_FAILURES_PER_ADDRESS);
    },
    succeeded(address, user) {
      failures.delete(userKey(address, user));
    },
  };
}

/** An address holds no space, so the two kinds of keys cannot meet. */
function userKey(address: string, user: string): string {
  return `${address} ${user.slice(0, 256)}`;
}
