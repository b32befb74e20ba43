/** One page of a directory; a page's entries are in memory, the directory never is. */
import type { RestoreTree, TreeChild, TreeNode } from "../../restore-tree/tree-node.ts";
import type { Entry, Listing } from "./api-types.ts";
import { describeChild, describeNode } from "./entry.ts";
import { HttpError } from "./error-response.ts";
import { apiPath } from "./request-path.ts";

export interface PageRequest {
  readonly after?: string;
  readonly limit: number;
}

const DEFAULT_LIMIT = 1000;
const LARGEST_LIMIT = 5000;
/** Hides the latency of a bucket without asking for a page's every inode at once. */
const STATS_AT_ONCE = 32;

/** Reads `after` and `limit`. @throws HttpError bad-request. */
export function parsePageRequest(query: URLSearchParams): PageRequest {
  const limitText = query.get("limit") ?? String(DEFAULT_LIMIT);
  const limit = /^\d{1,6}$/.test(limitText) ? Number(limitText) : 0;
  if (limit < 1 || limit > LARGEST_LIMIT) {
    throw new HttpError(400, "bad-request", `limit must be a number from 1 to ${LARGEST_LIMIT}`);
  }
  const after = query.get("after");
  return after === null ? { limit } : { limit, after };
}

/** @throws PathError not-a-directory, and what the directory's blocks make it throw. */
export async function listPage(
  tree: RestoreTree,
  directory: TreeNode,
  page: PageRequest,
  signal: AbortSignal,
): Promise<Listing> {
  const { children, next } = await readPage(directory, page, signal);
  const entries = new Array<Entry>(children.length);
  // Metadata is read where it lies next to each other; the answer keeps the directory's order, which cursors follow.
  const byPlace = [...children.entries()].sort(([, left], [, right]) => (left.position ?? 0) - (right.position ?? 0));
  for (let start = 0; start < byPlace.length; start += STATS_AT_ONCE) {
    const group = byPlace.slice(start, start + STATS_AT_ONCE);
    await Promise.all(
      group.map(async ([index, child]) => {
        entries[index] = await describeChild(tree, directory, child, signal);
      }),
    );
  }
  const stat = await describeNode(tree, directory, signal);
  const listing = { path: apiPath(directory.path), stat, entries };
  return next === undefined ? listing : { ...listing, next };
}

async function readPage(
  directory: TreeNode,
  { after, limit }: PageRequest,
  signal: AbortSignal,
): Promise<{ children: TreeChild[]; next?: string }> {
  const children: TreeChild[] = [];
  for await (const batch of directory.list(after === undefined ? { signal } : { after, signal })) {
    for (const child of batch) {
      const last = children.at(-1);
      if (children.length === limit && last !== undefined) return { children, next: last.cursor };
      children.push(child);
    }
  }
  return { children };
}
