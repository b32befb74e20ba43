/** One path through several backups: when did it change, since when is it gone. */
import { joinPath, nameFromText, nameKey } from "../bytes/byte-name.ts";
import { PathError } from "../errors.ts";
import { contentHash } from "./content-hash.ts";
import type { RestoreTree, TreeNode, TreeStat } from "./tree-node.ts";

export interface HistoricBackup {
  readonly name: string;
  readonly completedAt?: Date;
}

export type HistoryState =
  /** The oldest backup in which it is there. */
  | "first"
  /** As in the backup before. */
  | "same"
  | "changed"
  | "absent"
  /** It cannot be told; see `error`. */
  | "unreadable";

export interface HistoryEntry {
  readonly backup: HistoricBackup;
  readonly state: HistoryState;
  readonly node?: TreeNode;
  readonly stat?: TreeStat;
  /** Regular files only. */
  readonly sha256?: string;
  readonly error?: unknown;
}

/**
 * Oldest backup first. Files are compared by content, symlinks by target, directories by the time an entry was last
 * added or removed, everything else by type.
 * @param path names from the disk on: `[disk, "etc", "hosts"]`
 */
export async function* fileHistory(
  tree: RestoreTree,
  backups: readonly HistoricBackup[],
  path: readonly Uint8Array[],
  signal?: AbortSignal,
): AsyncGenerator<HistoryEntry, void, undefined> {
  const oldestFirst = backups.toSorted((left, right) => timeOf(left) - timeOf(right));
  let before: string | undefined;
  for (const backup of oldestFirst) {
    const found = await lookInto(tree, backup, path, signal);
    yield { ...found.entry, state: found.state ?? stateAfter(before, found.identity) };
    // What could not be read says nothing about what came before it.
    if (found.state !== "unreadable") before = found.identity ?? before;
  }
}

function timeOf({ completedAt }: HistoricBackup): number {
  return completedAt?.getTime() ?? 0;
}

function stateAfter(before: string | undefined, now: string | undefined): HistoryState {
  if (before === undefined) return "first";
  return before === now ? "same" : "changed";
}

interface Found {
  readonly entry: Omit<HistoryEntry, "state">;
  readonly state?: "absent" | "unreadable";
  /** Equal for equal contents. */
  readonly identity?: string;
}

async function lookInto(
  tree: RestoreTree,
  backup: HistoricBackup,
  path: readonly Uint8Array[],
  signal?: AbortSignal,
): Promise<Found> {
  try {
    const options = { followLast: false, ...(signal === undefined ? {} : { signal }) };
    const node = await tree.resolve(joinPath([nameFromText("backups"), nameFromText(backup.name), ...path]), options);
    const stat = await node.stat(signal);
    if (stat.type === "file") {
      const sha256 = await contentHash(node, signal);
      return { entry: { backup, node, stat, sha256 }, identity: `file ${sha256}` };
    }
    return { entry: { backup, node, stat }, identity: await identityOf(node, stat, signal) };
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof PathError && error.failure === "not-found") return { entry: { backup }, state: "absent" };
    return { entry: { backup, error }, state: "unreadable" };
  }
}

async function identityOf(node: TreeNode, stat: TreeStat, signal?: AbortSignal): Promise<string> {
  if (stat.type === "symlink") return `symlink ${nameKey(await node.readLink(signal))}`;
  return stat.type === "directory" ? `directory ${stat.mtime}` : stat.type;
}
