import { joinPath, nameFromKey, nameKey, splitPath } from "../../../bytes/byte-name.ts";
import { PathError } from "../../../errors.ts";
import type { RestoreTree, TreeNode } from "../../../restore-tree/tree-node.ts";
import type { TransferReport } from "./transfer-report.ts";

/** Bytes of a merge file or a list of files on this side. */
const LONGEST_LIST = 16 * 1024 * 1024;

/** A small text file of the tree, one UTF-16 unit a byte. @throws PathError, and what reading throws. */
export async function readListFile(tree: RestoreTree, path: Uint8Array, signal: AbortSignal): Promise<string> {
  const node = await tree.resolve(path, { signal });
  const source = await node.open(signal);
  try {
    if (source.size > LONGEST_LIST) throw new PathError("invalid-path", nameKey(path), "too large for a list");
    return nameKey(await source.read(0, source.size, signal));
  } finally {
    await source.close();
  }
}

/** A directory's merge file, or undefined when it has none; one that cannot be read is reported. */
export async function readMergeFile(
  tree: RestoreTree,
  directory: TreeNode,
  file: string,
  signal: AbortSignal,
  report: TransferReport,
): Promise<string | undefined> {
  const name = nameFromKey(file);
  const path = file.startsWith("/") ? name : joinPath([...splitPath(directory.path), ...splitPath(name)]);
  try {
    return await readListFile(tree, path, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof PathError)) report.failed(nameKey(path), error);
    return undefined;
  }
}
