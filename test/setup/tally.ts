import { appendFileSync, mkdirSync } from "node:fs";
import path from "node:path";

/** Where a run leaves its reports; removed and made anew by `npm test`. */
export const resultsDirectory = path.resolve(import.meta.dirname, "../../test-results");

/**
 * Counts what was compared with an independent reader, or what became of damaged input. `npm test` adds
 * the lines up and prints them, so that nobody has to believe the word "tested".
 * @example tally("ext4 entries equal to the kernel's mount", 1432)
 */
export function tally(what: string, count: number): void {
  mkdirSync(resultsDirectory, { recursive: true });
  appendFileSync(path.join(resultsDirectory, "tally.jsonl"), `${JSON.stringify({ what, count })}\n`);
}
