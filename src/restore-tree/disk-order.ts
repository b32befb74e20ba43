/** Directories in the order of the disk rather than their own. */
import type { TreeChild } from "./tree-node.ts";

/**
 * The same children, in windows of at least `atLeast` (fewer at the end), each sorted by where its children lie. A
 * large directory is sorted by hash, and its inodes lie everywhere: asked in its own order, each would be a read
 * of its own, from a bucket of megabytes.
 * @throws what the listing throws, once the children before have been given.
 */
export async function* inDiskOrder(
  batches: AsyncIterable<readonly TreeChild[]>,
  atLeast: number,
): AsyncGenerator<readonly TreeChild[], void, undefined> {
  let window: TreeChild[] = [];
  try {
    for await (const batch of batches) {
      for (const child of batch) window.push(child);
      if (window.length < atLeast) continue;
      yield sorted(window);
      window = [];
    }
  } catch (error) {
    if (window.length > 0) yield sorted(window);
    throw error;
  }
  if (window.length > 0) yield sorted(window);
}

/** Stable, so children of unknown position stay in the order of the directory. */
function sorted(children: TreeChild[]): TreeChild[] {
  return children.sort((a, b) => (a.position ?? 0) - (b.position ?? 0));
}
