/** A tree node that knows where it stands, so that paths can be resolved from it. */
import { nameFromText } from "../bytes/byte-name.ts";
import type { TreeNode } from "./tree-node.ts";

export interface PlacedNode extends TreeNode {
  /** The directory `..` leads to; absent for the root of the tree. */
  readonly parent: PlacedNode | undefined;
  /** Root of the guest this node belongs to, which that guest's symlinks cannot leave; absent above guests. */
  readonly guestRoot: PlacedNode | undefined;
  child(name: Uint8Array, signal?: AbortSignal): Promise<PlacedNode | undefined>;
}

const SLASH = nameFromText("/");

/** Path of a child, from the path of its directory. */
export function childPath(directory: Uint8Array, name: Uint8Array): Uint8Array {
  return directory.length === 1 ? Buffer.concat([SLASH, name]) : Buffer.concat([directory, SLASH, name]);
}

/** False for what can never be one name in a directory: empty, `.`, `..`, with a slash or NUL. */
export function isSingleName(name: Uint8Array): boolean {
  if (name.length === 0) return false;
  if (name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e))) return false;
  return !name.includes(0x2f) && !name.includes(0);
}
