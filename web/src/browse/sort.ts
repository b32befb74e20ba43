import type { Entry } from "../../../src/serve/http/api-types.ts";

export type SortKey = "name" | "size" | "modified" | "mode" | "owner";

export interface SortOrder {
  readonly key: SortKey;
  readonly descending: boolean;
}

/** `file10` behind `file9`; accents and case decide only between otherwise equal names. */
const natural = new Intl.Collator(undefined, { numeric: true, sensitivity: "variant" });

/** Directories first, whatever the order; entries whose metadata cannot be read last. */
export function sortEntries(entries: readonly Entry[], order: SortOrder): Entry[] {
  const direction = order.descending ? -1 : 1;
  return entries.toSorted(
    (left, right) =>
      rank(left) - rank(right) || direction * compare(left, right, order.key) || natural.compare(left.name, right.name),
  );
}

/** What a click leads to: a symlink counts as what it points to. */
export function isDirectory(entry: Entry): boolean {
  return entry.type === "directory" || (entry.error === undefined && entry.targetType === "directory");
}

function rank(entry: Entry): number {
  if (entry.error !== undefined) return 2;
  return isDirectory(entry) ? 0 : 1;
}

function compare(left: Entry, right: Entry, key: SortKey): number {
  if (left.error !== undefined || right.error !== undefined) return 0;
  switch (key) {
    case "name":
      return natural.compare(left.name, right.name);
    case "size":
      return left.size - right.size;
    case "modified":
      return left.mtimeMs - right.mtimeMs;
    case "mode":
      return left.mode - right.mode;
    case "owner":
      return left.uid - right.uid || left.gid - right.gid;
  }
}
