import type { TreeNode, TreeStat } from "../../../restore-tree/tree-node.ts";
import type { FilterList } from "./filter-list.ts";

/** A directory of the tree whose children belong into a list. */
export interface DirectorySource {
  readonly node: TreeNode;
  /** Absolute path the transfer's paths start from, without slashes around. */
  readonly base: string;
  /** The rules in force in the directory that holds this one. */
  readonly filters: FilterList;
  /** The directory itself and those it is in, innermost first. */
  readonly lineage: Lineage;
}

export interface Lineage {
  readonly identity: string;
  readonly above?: Lineage;
}

/** One line of the file list. */
export interface FileEntry {
  /** Path in the transfer, one UTF-16 unit a byte. */
  readonly name: string;
  readonly node: TreeNode;
  /** Absent for an argument that does not exist and is to be deleted by the client. */
  readonly stat?: TreeStat;
  /** Of a symlink. */
  readonly target?: Uint8Array;
  readonly base: string;
  readonly filters: FilterList;
  /** Named by the client rather than found in a directory. */
  isTop: boolean;
  /** On the way to something named with `-R`. */
  isImplied: boolean;
  /** What is in the directory follows. */
  hasContent: boolean;
  /** Several, when arguments have a directory of the same name. */
  sources: DirectorySource[];
  /** Sent at least once: a second request means that what arrived was not right. */
  wasSent: boolean;
}

export function isDirectory(entry: FileEntry): boolean {
  return entry.stat?.type === "directory";
}

/**
 * Both sides number files by their place in the sorted list: flist.c, f_name_cmp(). Since version 29 files
 * come before directories, and a directory compares with a slash behind its name.
 * @returns a text that sorts, unit by unit, as the entry does.
 */
export function sortKey(entry: FileEntry, version: number): string {
  if (version < 29) return entry.name;
  const elements = entry.name.split("/");
  const last = elements.pop() ?? "";
  const above = elements.map((element) => `\u0002${element}/`).join("");
  if (!isDirectory(entry)) return `${above}\u0001${last}`;
  return last === "." ? `${above}\u0001` : `${above}\u0002${last}/`;
}

export function sortEntries(entries: Iterable<FileEntry>, version: number): FileEntry[] {
  const keyed = Array.from(entries, (entry) => ({ entry, key: sortKey(entry, version) }));
  keyed.sort((left, right) => (left.key < right.key ? -1 : left.key > right.key ? 1 : 0));
  return keyed.map(({ entry }) => entry);
}
