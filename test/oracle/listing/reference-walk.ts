import { spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import type { Listing, ListingEntry } from "./listing-entry.ts";

const script = path.join(import.meta.dirname, "reference_walk.py");

/** The kernel lists a name twice or does not find it, or calls the structure damaged itself. */
export class TornTreeError extends Error {}

/** Python's and the kernel's words for it. */
const TORN = /FileNotFoundError|Structure needs cleaning/;

/**
 * Walks a directory of the running kernel (usually a mount) with Debian's python3, independently of vmfr's code.
 * @throws TornTreeError when the kernel contradicts itself
 */
export function walkReference(directory: string): Promise<Listing> {
  return walk([directory]);
}

/** The same of a damaged file system: what the kernel contradicts itself on is shown as refused. */
export async function walkDamagedReference(directory: string): Promise<Listing> {
  const refused: string[] = [];
  const listing = await walk([directory, "damaged"], (path) => refused.push(path));
  return new Map([...listing].map(([at, entry]) => [at, refused.includes(at) ? asListedTwice(entry) : entry]));
}

const asListedTwice = (entry: ListingEntry): ListingEntry => ({ ...entry, contentError: "listed twice" });

/** @param onListedTwice by default the walk ends with it */
async function walk(args: readonly string[], onListedTwice?: (path: string) => void): Promise<Listing> {
  const child = spawn("/usr/bin/python3", [script, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const exit = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint += text;
  });
  const listing = new Map<string, ListingEntry>();
  let listedTwice: string | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    const entry = JSON.parse(line) as ListingEntry;
    if (listing.has(entry.path) && onListedTwice !== undefined) onListedTwice(entry.path);
    else if (listing.has(entry.path)) listedTwice ??= entry.path;
    listing.set(entry.path, entry);
  }
  const code = await exit;
  if (TORN.test(complaint)) throw new TornTreeError(complaint);
  if (listedTwice !== undefined) throw new TornTreeError(`the name ${listedTwice} is listed twice`);
  if (code !== 0) throw new Error(`reference walk of ${args[0]} ended with ${code}: ${complaint}`);
  return listing;
}
