import { spawn } from "node:child_process";
import { performance } from "node:perf_hooks";

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >>> 1;
  const [low, high] = sorted.length % 2 === 1 ? [middle, middle] : [middle - 1, middle];
  return ((sorted[low] ?? Number.NaN) + (sorted[high] ?? Number.NaN)) / 2;
}

/** Milliseconds that `work` takes. */
export async function time(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Milliseconds of one run. */
export type Sample = () => Promise<number>;

/**
 * Medians of each sample over `runs` rounds. The sides take turns, so that a busy spell of the machine hits
 * all of them; one round before fills the page cache.
 */
export async function takeTurns(runs: number, ...samples: readonly Sample[]): Promise<number[]> {
  const taken: number[][] = samples.map(() => []);
  for (let round = -1; round < runs; round++) {
    for (const [index, sample] of samples.entries()) {
      const value = await sample();
      if (round >= 0) taken[index]?.push(value);
    }
  }
  return taken.map(median);
}

/** Runs a shell command to its end; throws with its last words when it fails, in any part of a pipe. */
export async function shell(command: string, environment: Readonly<Record<string, string>> = {}): Promise<void> {
  const child = spawn("bash", ["-o", "pipefail", "-c", command], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, LC_ALL: "C", ...environment },
  });
  let complaints = "";
  child.stderr.on("data", (text: Buffer) => {
    complaints = (complaints + text).slice(-2000);
  });
  const code = await new Promise((resolve, reject) => child.once("error", reject).once("close", resolve));
  if (code !== 0) throw new Error(`${command} failed (${String(code)}): ${complaints}`);
}

/** Milliseconds of a command from start to end, what it prints drained through a pipe. */
export function timePiped(command: string): Promise<number> {
  return time(() => shell(`${command} | cat > /dev/null`));
}

/** A word for the shell. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
