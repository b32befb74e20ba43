import { setTimeout } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Worker } from "node:worker_threads";
import { expect } from "vitest";
import { tally } from "../../setup/tally.ts";
import { SeededRandom } from "./seeded-random.ts";

/** Of a whole run, over all kinds of cases; `VMFR_FUZZ_CASES` for more. */
const CHOSEN_CASES = process.env["VMFR_FUZZ_CASES"];
const CASES = Number(CHOSEN_CASES ?? 102_000);
/** Of a whole run, over all parts that are bound by time; `VMFR_FUZZ_SECONDS` for more. */
const SECONDS = Number(process.env["VMFR_FUZZ_SECONDS"] ?? 25);
/** `VMFR_FUZZ_SEED` for others, or for one that failed. */
const SEED = Number(process.env["VMFR_FUZZ_SEED"] ?? 20_261_123);

/** For one part, on a machine busy with other things. */
export const FUZZ_TIMEOUT_MS = 600_000 * Math.max(1, CASES / 100_000);
/** Until a case counts as hanging, on a machine busy with other things. */
const LONGEST_CASE_MS = 30_000;
const MEBIBYTE = 1024 * 1024;
/** Memory that may still be held behind the last case, and at any time. */
const HELD = 48 * MEBIBYTE;
const PEAK = 600 * MEBIBYTE;
const CASES_BETWEEN_LOOKS = 200;

export interface FuzzedPart {
  /** As in "hostile … survived". */
  readonly name: string;
  /** Of all cases or seconds, between 0 and 1. */
  readonly share: number;
  /** What ends the part, unless VMFR_FUZZ_CASES sets a number of cases; default `cases`. */
  readonly bound?: "cases" | "seconds";
  /** Cases going on at the same time. */
  readonly concurrency?: number;
  /** Throws when something is not as it has to be. */
  readonly attempt: (random: SeededRandom) => Promise<void>;
}

/**
 * Runs a part's cases. A failing one is named by the seed that repeats it alone, also when it never ends.
 * Fails when promises were rejected with nobody to see it, or memory was kept.
 */
export async function fuzz({ name, share, bound = "cases", concurrency = 1, attempt }: FuzzedPart): Promise<void> {
  const timed = bound === "seconds" && CHOSEN_CASES === undefined;
  const cases = timed ? Number.POSITIVE_INFINITY : Math.max(1, Math.round(CASES * share));
  const until = timed ? Date.now() + SECONDS * share * 1000 : Number.POSITIVE_INFINITY;
  const unseen: unknown[] = [];
  const notice = (reason: unknown) => void unseen.push(reason);
  process.on("unhandledRejection", notice);
  const watchdog = new Watchdog(name);
  const before = await heldBytes();
  const rssBefore = process.memoryUsage.rss();
  let peak = 0;
  let next = 0;
  let tried = 0;
  const work = async () => {
    for (let index = next++; index < cases && (index === 0 || Date.now() < until); index = next++) {
      tried++;
      const seed = (SEED + Math.imul(index, 0x632b_e5ab)) >>> 0;
      watchdog.begin(seed);
      await attempt(new SeededRandom(seed)).catch((error: unknown) => {
        throw new Error(`${name}: a case failed; ${repeatWith(seed)}`, { cause: error });
      });
      if (index % CASES_BETWEEN_LOOKS === 0) peak = Math.max(peak, process.memoryUsage.rss() - rssBefore);
    }
  };
  try {
    await Promise.all(Array.from({ length: concurrency }, work));
  } finally {
    watchdog.end();
    process.off("unhandledRejection", notice);
  }
  expect(unseen).toEqual([]);
  expect((await heldBytes()) - before).toBeLessThan(HELD);
  expect(peak).toBeLessThan(PEAK);
  tally(`hostile ${name} survived`, tried);
}

function repeatWith(seed: number): string {
  return `repeat it with VMFR_FUZZ_CASES=1 VMFR_FUZZ_SEED=${seed}`;
}

/** Memory still reachable, in and outside of the heap. V8 frees array buffers beside and after a collection. */
async function heldBytes(): Promise<number> {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect !== "function") throw new Error("this Node does not let its memory be collected");
  for (let collection = 0; collection < 3; collection++) {
    collect();
    await setTimeout(20);
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Looks on from another thread, since a case that loops lets nothing else run in this one. */
class Watchdog {
  readonly #current = new Int32Array(new SharedArrayBuffer(8));
  readonly #worker: Worker;

  constructor(name: string) {
    const workerData = { current: this.#current, name, longest: LONGEST_CASE_MS };
    this.#worker = new Worker(WATCH, { eval: true, workerData });
    this.#worker.unref();
  }

  begin(seed: number): void {
    this.#current[0] = seed | 0;
    Atomics.add(this.#current, 1, 1);
  }

  end(): void {
    void this.#worker.terminate();
  }
}

const WATCH = `
const { workerData: { current, name, longest } } = require("node:worker_threads");
let count = -1;
setInterval(() => {
  if (count !== current[1]) { count = current[1]; return; }
  require("node:fs").writeSync(2, name + ": a case does not end; repeat it with VMFR_FUZZ_CASES=1 VMFR_FUZZ_SEED=" + (current[0] >>> 0) + "\\n");
  process.kill(process.pid, "SIGKILL");
}, longest);
`;
