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
export async function walkReference(directory: string): Promise<Listing> {
  const child = spawn("/usr/bin/python3", [script, directory], { stdio: ["ignore", "pipe", "pipe"] });
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
    if (listing.has(entry.path)) listedTwice ??= entry.path;
    listing.set(entry.path, entry);
  }
  const code = await exit;
  if (TORN.test(complaint)) throw new TornTreeError(complaint);
  if (listedTwice !== undefined) throw new TornTreeError(`the name ${listedTwice} is listed twice`);
  if (code !== 0) throw new Error(`reference walk of ${directory} ended with ${code}: ${complaint}`);
  return listing;
}
