/** What differs between two places in the tree, usually the same place in two backups. */
import { compareBytes, nameFromKey, nameKey } from "../bytes/byte-name.ts";
import { defaultLimits } from "../bytes/limits.ts";
import { LimitError } from "../errors.ts";
import type { SparseSource } from "../source/byte-source.ts";
import type { TreeNode, TreeStat } from "./tree-node.ts";

/** A part of the metadata that differs. */
export type Aspect = "type" | "content" | "target" | "mode" | "owner" | "mtime" | "device";

export interface Difference {
  /** Names from where the comparison started; empty for the start itself. */
  readonly path: readonly Uint8Array[];
  readonly kind: "only-left" | "only-right" | "differs";
  /** What differs, when both are there. */
  readonly aspects: readonly Aspect[];
  readonly left?: TreeNode;
  readonly right?: TreeNode;
}

export interface CompareOptions {
  /** What could not be compared. The comparison goes on with everything else. */
  onError(path: readonly Uint8Array[], error: unknown): void;
  /** Modes, owners and times too; default false: contents, types and targets only. */
  readonly metadata?: boolean;
  readonly signal?: AbortSignal;
}

/** Depth first, names in byte order. Memory grows with the larger of two directories, not with the trees. */
export async function* compareTrees(
  left: TreeNode,
  right: TreeNode,
  options: CompareOptions,
): AsyncGenerator<Difference, void, undefined> {
  yield* comparePair(left, right, [], options);
}

async function* comparePair(
  left: TreeNode,
  right: TreeNode,
  path: readonly Uint8Array[],
  options: CompareOptions,
): AsyncGenerator<Difference, void, undefined> {
  try {
    options.signal?.throwIfAborted();
    if (path.length > defaultLimits.pathDepth) throw new LimitError("pathDepth", defaultLimits.pathDepth, "comparison");
    const stats = await Promise.all([left.stat(options.signal), right.stat(options.signal)]);
    const aspects = await differingAspects({ node: left, stat: stats[0] }, { node: right, stat: stats[1] }, options);
    if (aspects.length > 0) yield { path, kind: "differs", aspects, left, right };
    if (stats[0].type !== "directory" || stats[1].type !== "directory") return;
  } catch (error) {
    options.signal?.throwIfAborted();
    options.onError(path, error);
    return;
  }
  yield* compareDirectories(left, right, path, options);
}

async function* compareDirectories(
  left: TreeNode,
  right: TreeNode,
  path: readonly Uint8Array[],
  options: CompareOptions,
): AsyncGenerator<Difference, void, undefined> {
  const [leftChildren, rightChildren] = await Promise.all([
    childrenOf(left, path, options),
    childrenOf(right, path, options),
  ]);
  const names = [...new Set([...leftChildren.nodes.keys(), ...rightChildren.nodes.keys()])].sort();
  for (const key of names) {
    const childPath = [...path, nameFromKey(key)];
    const [leftChild, rightChild] = [leftChildren.nodes.get(key), rightChildren.nodes.get(key)];
    if (leftChild !== undefined && rightChild !== undefined) {
      yield* comparePair(leftChild, rightChild, childPath, options);
    } else if (!leftChildren.complete || !rightChildren.complete) {
      // What half a listing does not show may be there all the same; the error has been reported.
    } else if (leftChild !== undefined) {
      yield { path: childPath, kind: "only-left", aspects: [], left: leftChild };
    } else if (rightChild !== undefined) {
      yield { path: childPath, kind: "only-right", aspects: [], right: rightChild };
    }
  }
}

interface Children {
  readonly nodes: ReadonlyMap<string, TreeNode>;
  /** False when reading the directory failed half-way. */
  readonly complete: boolean;
}

async function childrenOf(
  directory: TreeNode,
  path: readonly Uint8Array[],
  options: CompareOptions,
): Promise<Children> {
  const nodes = new Map<string, TreeNode>();
  try {
    for await (const batch of directory.list(options.signal === undefined ? {} : { signal: options.signal })) {
      for (const { name, node } of batch) nodes.set(nameKey(name), node);
    }
    return { nodes, complete: true };
  } catch (error) {
    options.signal?.throwIfAborted();
    options.onError(path, error);
    return { nodes, complete: false };
  }
}

interface Side {
  readonly node: TreeNode;
  readonly stat: TreeStat;
}

async function differingAspects(left: Side, right: Side, options: CompareOptions): Promise<Aspect[]> {
  if (left.stat.type !== right.stat.type) return ["type"];
  const aspects: Aspect[] = [];
  if (left.stat.type === "file" && !(await haveSameContent(left, right, options.signal))) aspects.push("content");
  if (left.stat.type === "symlink") {
    const [leftTarget, rightTarget] = await Promise.all([left.node.readLink(), right.node.readLink()]);
    if (compareBytes(leftTarget, rightTarget) !== 0) aspects.push("target");
  }
  const [leftDevice, rightDevice] = [left.stat.device, right.stat.device];
  if (leftDevice?.major !== rightDevice?.major || leftDevice?.minor !== rightDevice?.minor) aspects.push("device");
  if (options.metadata === true) {
    if (left.stat.mode !== right.stat.mode) aspects.push("mode");
    if (left.stat.uid !== right.stat.uid || left.stat.gid !== right.stat.gid) aspects.push("owner");
    if (left.stat.mtime !== right.stat.mtime) aspects.push("mtime");
  }
  return aspects;
}

const COMPARED_AT_ONCE = 1024 * 1024;

async function haveSameContent(left: Side, right: Side, signal?: AbortSignal): Promise<boolean> {
  if (left.stat.size !== right.stat.size) return false;
  const opened: SparseSource[] = [];
  try {
    for (const { node } of [left, right]) opened.push(await node.open(signal));
    const [leftFile, rightFile] = opened as [SparseSource, SparseSource];
    for (let offset = 0; offset < leftFile.size; offset += COMPARED_AT_ONCE) {
      const length = Math.min(COMPARED_AT_ONCE, leftFile.size - offset);
      const [leftBytes, rightBytes] = await Promise.all([
        leftFile.read(offset, length, signal),
        rightFile.read(offset, length, signal),
      ]);
      if (compareBytes(leftBytes, rightBytes) !== 0) return false;
    }
    return true;
  } finally {
    await Promise.all(opened.map((file) => file.close()));
  }
}
