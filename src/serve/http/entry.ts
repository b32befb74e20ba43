/** Tree nodes as the API shows them. */
import { displayName, splitPath } from "../../bytes/byte-name.ts";
import type { FileType } from "../../disk/filesystem/file-system.ts";
import { describeError, PathError } from "../../errors.ts";
import type { RestoreTree, TreeNode, TreeStat } from "../../restore-tree/tree-node.ts";
import type { Entry, EntryDetails } from "./api-types.ts";
import { apiPath, encodePath } from "./request-path.ts";

/** The node's entry; one whose metadata cannot be read becomes an entry that says so. */
export async function describeNode(tree: RestoreTree, node: TreeNode, signal: AbortSignal): Promise<Entry> {
  const name = splitPath(node.path).at(-1) ?? new Uint8Array();
  try {
    const stat = await node.stat(signal);
    const link = stat.type === "symlink" ? await describeLink(tree, node, signal) : {};
    return { ...named(name, stat.type), ...statFields(stat), ...link };
  } catch (error) {
    signal.throwIfAborted();
    return unreadable(name, node.type, error);
  }
}

/** A directory's child by name, as describeNode. */
export async function describeChild(
  tree: RestoreTree,
  directory: TreeNode,
  child: { readonly name: Uint8Array; readonly type: FileType },
  signal: AbortSignal,
): Promise<Entry> {
  try {
    const node = await directory.child(child.name, signal);
    if (node === undefined)
      return unreadable(
        child.name,
        child.type,
        new PathError("not-found", displayName(child.name), "its directory lists it"),
      );
    return { ...(await describeNode(tree, node, signal)), ...namedOnly(child.name) };
  } catch (error) {
    signal.throwIfAborted();
    return unreadable(child.name, child.type, error);
  }
}

export async function describeDetails(tree: RestoreTree, node: TreeNode, signal: AbortSignal): Promise<EntryDetails> {
  const entry = await describeNode(tree, node, signal);
  const path = apiPath(node.path);
  try {
    const xattrs = await node.xattrs(signal);
    return {
      ...entry,
      path,
      xattrs: xattrs.map(({ name, value }) => ({
        name: displayName(name),
        valueBase64: Buffer.from(value).toString("base64"),
      })),
    };
  } catch (error) {
    signal.throwIfAborted();
    return { ...entry, path, xattrs: [], xattrsError: describeError(error) };
  }
}

async function describeLink(
  tree: RestoreTree,
  node: TreeNode,
  signal: AbortSignal,
): Promise<{ target: string; targetType: FileType | "broken" }> {
  const target = displayName(await node.readLink(signal));
  try {
    const end = await tree.resolve(node.path, { signal });
    return { target, targetType: end.type };
  } catch {
    signal.throwIfAborted();
    return { target, targetType: "broken" };
  }
}

function namedOnly(name: Uint8Array): { name: string; href: string } {
  return { name: displayName(name), href: encodePath(name) };
}

function named(name: Uint8Array, type: FileType): { name: string; href: string; type: FileType } {
  return { ...namedOnly(name), type };
}

function unreadable(name: Uint8Array, type: FileType, error: unknown): Entry {
  return { ...named(name, type), error: describeError(error) };
}

function statFields(stat: TreeStat) {
  return {
    size: stat.size,
    mode: stat.mode,
    uid: stat.uid,
    gid: stat.gid,
    mtime: timestamp(stat.mtime),
    mtimeMs: Number(stat.mtime / 1_000_000n),
    allocated: stat.allocated,
    links: stat.links,
    ...(stat.flags === undefined ? {} : { flags: stat.flags }),
  };
}

const SECOND = 1_000_000_000n;
/** Date reaches no further; a time beyond it is shown at its end. */
const LATEST_SECOND = 8_640_000_000_000n;

/** RFC 3339 in UTC with nanoseconds; years beyond 0000 to 9999 get the sign and six digits of ISO 8601. */
export function timestamp(nanoseconds: bigint): string {
  const fraction = ((nanoseconds % SECOND) + SECOND) % SECOND;
  const seconds = (nanoseconds - fraction) / SECOND;
  const shown = seconds > LATEST_SECOND ? LATEST_SECOND : seconds < -LATEST_SECOND ? -LATEST_SECOND : seconds;
  const text = new Date(Number(shown) * 1000).toISOString();
  return text.replace(/\.\d+Z$/, `.${fraction.toString().padStart(9, "0")}Z`);
}
