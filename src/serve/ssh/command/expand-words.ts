import { compareBytes, nameFromKey, nameKey } from "../../../bytes/byte-name.ts";
import { LimitError, PathError } from "../../../errors.ts";
import type { RestoreTree } from "../../../restore-tree/tree-node.ts";
import { Turns } from "../turns.ts";
import type { ShellWord } from "./shell-words.ts";
import { Wildcard } from "./wildcard.ts";

/** Paths one command may expand to; Linux's limit on arguments is of this order. */
const MAX_PATHS = 100_000;

export interface ExpandOptions {
  /** Where relative paths start; absolute, raw bytes. */
  readonly home: Uint8Array;
  /** Whether wildcards match names that begin with a dot although the pattern does not; shells do not. */
  readonly matchHidden?: boolean;
  readonly signal: AbortSignal;
}

/**
 * Pathname expansion over the tree: each word's paths in byte order, or the word itself where nothing
 * matches, as shells do.
 * @throws LimitError for more paths than a command line can have.
 */
export async function expandWords(
  tree: RestoreTree,
  words: readonly ShellWord[],
  options: ExpandOptions,
): Promise<Uint8Array[]> {
  const paths: Uint8Array[] = [];
  for (const { text, pattern } of words) {
    const found = pattern === undefined ? [] : await expandPattern(tree, pattern, options);
    if (paths.length + found.length > MAX_PATHS) throw new LimitError("paths", MAX_PATHS, "paths that match");
    if (found.length === 0) paths.push(nameFromKey(text));
    else for (const path of found) paths.push(path);
  }
  return paths;
}

async function expandPattern(tree: RestoreTree, pattern: string, options: ExpandOptions): Promise<Uint8Array[]> {
  const turns = new Turns();
  let found = [pattern.startsWith("/") ? "/" : ""];
  const parts = pattern.split(/(\/+)/).filter((part) => part !== "");
  for (const [index, part] of parts.entries()) {
    if (part.startsWith("/")) {
      if (index > 0) found = found.map((path) => `${path}/`);
      continue;
    }
    const hasMore = index + 1 < parts.length;
    const next: string[] = [];
    for (const directory of found) {
      await turns.share();
      for (const name of await matchingNames(tree, directory, part, options)) {
        if (next.push(directory + name) > MAX_PATHS) throw new LimitError("paths", MAX_PATHS, "paths that match");
      }
    }
    found = hasMore ? await existing(tree, next, options) : next;
  }
  const paths = (await existing(tree, found, options)).map(nameFromKey);
  return paths.sort(compareBytes);
}

async function matchingNames(
  tree: RestoreTree,
  directory: string,
  part: string,
  options: ExpandOptions,
): Promise<string[]> {
  if (!/[*?[]/.test(part.replace(/\\./g, ""))) return [part.replace(/\\(.)/gs, "$1")];
  const wildcard = new Wildcard(part.replace(/\*+/g, "*"));
  const isHiddenWanted = options.matchHidden === true || part.startsWith(".") || part.startsWith("\\.");
  const names: string[] = [];
  const turns = new Turns();
  try {
    const node = await tree.resolve(absolutePath(directory, options.home), { signal: options.signal });
    for await (const batch of node.list({ signal: options.signal })) {
      for (const child of batch) {
        await turns.share();
        const name = nameKey(child.name);
        if ((isHiddenWanted || !name.startsWith(".")) && wildcard.matches(name)) names.push(name);
        if (names.length > MAX_PATHS) throw new LimitError("paths", MAX_PATHS, "names that match");
      }
    }
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof LimitError) throw error;
    // As in shells: what cannot be listed has no matches.
  }
  return names;
}

async function existing(tree: RestoreTree, paths: readonly string[], options: ExpandOptions): Promise<string[]> {
  const found: string[] = [];
  const turns = new Turns();
  for (const path of paths) {
    await turns.share();
    try {
      await tree.resolve(absolutePath(path, options.home), { followLast: false, signal: options.signal });
      found.push(path);
    } catch (error) {
      if (!(error instanceof PathError)) found.push(path);
      options.signal.throwIfAborted();
    }
  }
  return found;
}

function absolutePath(path: string, home: Uint8Array): Uint8Array {
  const bytes = nameFromKey(path);
  return path.startsWith("/") ? bytes : Buffer.concat([home, Uint8Array.of(0x2f), bytes]);
}
