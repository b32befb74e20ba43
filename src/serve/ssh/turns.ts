import { setImmediate as nextTurn } from "node:timers/promises";

const LONGEST_TURN_MS = 20;

/**
 * Shares the event loop with other clients: work on names and patterns alone never waits for anything, and
 * a client can make it long.
 */
export class Turns {
  #since = performance.now();

  /** Resolves at once, or when everybody else had their turn. */
  async share(): Promise<void> {
    if (performance.now() - this.#since < LONGEST_TURN_MS) return;
    await nextTurn();
    this.#since = performance.now();
  }
}
