/** What Sleuth Kit's `fls` sees on an image: times that other readers of FAT and exFAT do not show. */
import { expect } from "vitest";
import { runTool } from "../../setup/run-tool.ts";
import type { Listing, ListingEntry } from "../listing/listing-entry.ts";

/** Times are whole seconds. */
export interface SleuthKitEntry {
  readonly type: "file" | "directory";
  readonly size: number;
  readonly mtime: number;
  readonly atime: number;
  readonly birthtime: number;
}

/** Names it gives to what is not a file. */
const INTERNAL: readonly string[] = ["/$ALLOC_BITMAP", "/$UPCASE_TABLE"];

/** Files and directories that are not deleted, by path in hexadecimal; control characters are its own. */
export async function sleuthKitEntries(image: string): Promise<Map<string, SleuthKitEntry>> {
  const entries = new Map<string, SleuthKitEntry>();
  for (const line of (await runTool("fls", ["-r", "-u", "-p", "-z", "UTC", "-m", "", image])).split("\n")) {
    // MD5|name|inode|mode|uid|gid|size|atime|mtime|ctime|crtime
    const [, name = "", , mode = "", , , size, atime, mtime, , birthtime] = line.split("|");
    const kind = mode[0];
    if ((kind !== "r" && kind !== "d") || name.endsWith("(Volume Label Entry)") || INTERNAL.includes(name)) continue;
    entries.set(Buffer.from(name.replace(/^\//, "")).toString("hex"), {
      type: kind === "d" ? "directory" : "file",
      size: Number(size),
      mtime: Number(mtime),
      atime: Number(atime),
      birthtime: Number(birthtime),
    });
  }
  return entries;
}

/** Sleuth Kit shows no times from this year on. */
const ENDS = Date.UTC(2038, 0) / 1000;

function seconds(nanoseconds: string | undefined): number {
  const time = Number(BigInt(nanoseconds ?? "0") / 1_000_000_000n);
  return time < ENDS ? time : 0;
}

/** One of our entries in the same form. */
export function asSleuthKit({ type, size, mtime, atime, birthtime }: ListingEntry): SleuthKitEntry {
  const times = { mtime: seconds(mtime), atime: seconds(atime), birthtime: seconds(birthtime) };
  return { type: type === "directory" ? "directory" : "file", size, ...times };
}

/**
 * Compares by path; what Sleuth Kit names otherwise (it cuts names of over 200 bytes, and knows neither code pages nor
 * characters beyond 16 bits) by all the rest.
 */
export async function compareWithSleuthKit(
  image: string,
  listing: Listing,
  asTheirs: (entry: ListingEntry) => SleuthKitEntry = asSleuthKit,
): Promise<number> {
  const theirs = await sleuthKitEntries(image);
  const ours = new Map([...listing].filter(([at]) => at !== "").map(([at, entry]) => [at, asTheirs(entry)]));
  const shared = [...theirs.keys()].filter((at) => ours.has(at));
  expect(shared.map((at) => [at, ours.get(at)])).toEqual(shared.map((at) => [at, theirs.get(at)]));
  const nameless = (entries: Map<string, SleuthKitEntry>, others: Map<string, SleuthKitEntry>) =>
    [...entries].filter(([at]) => !others.has(at)).map(([, entry]) => JSON.stringify(entry));
  expect(nameless(ours, theirs).toSorted()).toEqual(nameless(theirs, ours).toSorted());
  expect(shared.length).toBeGreaterThan(ours.size - 6);
  return theirs.size;
}
