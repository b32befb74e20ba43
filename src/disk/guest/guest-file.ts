/** Small files of a guest that say how the guest hangs together. */
import { nameFromText, nameKey, splitPath } from "../../bytes/byte-name.ts";
import { defaultLimits } from "../../bytes/limits.ts";
import { SourceError, VmfrError } from "../../errors.ts";
import type { SparseSource } from "../../source/byte-source.ts";
import type { FileSystem, NodeId } from "../filesystem/file-system.ts";

/** Undefined when there is no such file. The caller closes it. @param path from the root, links followed */
export async function openGuestFile(
  fileSystem: FileSystem,
  path: string,
  signal?: AbortSignal,
): Promise<SparseSource | undefined> {
  const node = await followLinks(fileSystem, nameFromText(path), signal);
  return node === undefined ? undefined : fileSystem.openFile(node, signal);
}

/** All of it; undefined when there is no such file, or it has more than `largest` bytes. */
export async function readGuestFile(
  fileSystem: FileSystem,
  path: string,
  largest: number,
  signal?: AbortSignal,
): Promise<Uint8Array | undefined> {
  const file = await openGuestFile(fileSystem, path, signal);
  if (file === undefined) return undefined;
  try {
    return file.size > largest ? undefined : await file.read(0, file.size, signal);
  } finally {
    await file.close();
  }
}

/** Plain steps; a symbolic link counts as present. */
export async function findNode(
  fileSystem: FileSystem,
  path: Uint8Array,
  signal?: AbortSignal,
): Promise<NodeId | undefined> {
  let node = fileSystem.root;
  for (const name of splitPath(path)) {
    const entry = await fileSystem.lookup(node, name, signal);
    if (entry === undefined) return undefined;
    node = entry.node;
  }
  return node;
}

/** Resolves a path inside one file system, as some distributions link their fstab elsewhere. */
async function followLinks(
  fileSystem: FileSystem,
  path: Uint8Array,
  signal?: AbortSignal,
): Promise<NodeId | undefined> {
  const pending = splitPath(path).reverse();
  const parents: NodeId[] = [];
  let node = fileSystem.root;
  let links = 0;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (nameKey(name) === "..") {
      node = parents.pop() ?? fileSystem.root;
      continue;
    }
    const entry = await fileSystem.lookup(node, name, signal);
    if (entry === undefined || parents.length + pending.length > defaultLimits.pathDepth) return undefined;
    const type = entry.type === "unknown" ? (await fileSystem.stat(entry.node, signal)).type : entry.type;
    if (type !== "symlink") {
      parents.push(node);
      node = entry.node;
      continue;
    }
    if (++links > defaultLimits.symlinks) return undefined;
    const target = await fileSystem.readLink(entry.node, signal);
    pending.push(...splitPath(target).reverse());
    if (nameKey(target).startsWith("/")) {
      node = fileSystem.root;
      parents.length = 0;
    }
  }
  return node;
}

/**
 * One damaged directory or file must not hide the guest; failures that may pass are thrown on.
 * @param onFailure told of what was tolerated
 */
export async function tolerating<Result>(
  work: () => Promise<Result>,
  onFailure?: (failure: VmfrError) => void,
): Promise<Result | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof VmfrError) || (error instanceof SourceError && error.retryable)) throw error;
    onFailure?.(error);
    return undefined;
  }
}
