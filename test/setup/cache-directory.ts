import { mkdirSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";

/**
 * A folder for builds of test tools, named by their pins so that a changed pin builds anew. Lies outside
 * the checkout (XDG cache) so that fresh clones share it; always rebuildable, never required.
 */
export function cacheDirectory(...pins: readonly string[]): string {
  const root = process.env["XDG_CACHE_HOME"] ?? path.join(homedir(), ".cache");
  const directory = path.join(root, "vmfr", ...pins);
  mkdirSync(directory, { recursive: true });
  return directory;
}
