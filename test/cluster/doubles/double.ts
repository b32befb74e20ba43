import { setTimeout as sleep } from "node:timers/promises";

/** A part of a cluster that we play, in as few words as a test needs. */
export interface Double {
  stop(): Promise<void>;
}

const PERIOD_MS = 500;

/** @param look does what there is to do; objects that vanish meanwhile are no trouble, it looks again soon */
export function startDouble(look: () => Promise<void>): Double {
  const ending = new AbortController();
  const work = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      await look().catch(() => undefined);
      await sleep(PERIOD_MS, undefined, { signal: ending.signal }).catch(() => undefined);
    }
  };
  const working = work();
  return {
    async stop() {
      ending.abort();
      await working;
    },
  };
}
