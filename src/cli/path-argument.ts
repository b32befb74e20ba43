import { nameFromText } from "../bytes/byte-name.ts";
import { PathError } from "../errors.ts";
import type { RestoreTree, TreeNode } from "../restore-tree/tree-node.ts";

const ESCAPE = /\\(?:x([0-9a-fA-F]{2})|(\\))/g;

/**
 * The node a path argument names. Taken literally first; if there is no such file, `\xNN` and `\\` are read as
 * the listings write them, because a shell cannot always pass on what is not UTF-8.
 * @throws PathError
 */
export async function resolveArgument(tree: RestoreTree, text: string, followLast = true): Promise<TreeNode> {
  try {
    return await tree.resolve(nameFromText(text), { followLast });
  } catch (error) {
    const isMissing = error instanceof PathError && error.failure === "not-found";
    if (!isMissing || text.search(ESCAPE) < 0) throw error;
    return tree.resolve(unescapePath(text), { followLast });
  }
}

/** Undoes `displayName`. */
export function unescapePath(text: string): Uint8Array {
  const pieces: Uint8Array[] = [];
  let end = 0;
  for (const match of text.matchAll(ESCAPE)) {
    pieces.push(nameFromText(text.slice(end, match.index)));
    pieces.push(match[1] === undefined ? nameFromText("\\") : Uint8Array.of(Number.parseInt(match[1], 16)));
    end = match.index + match[0].length;
  }
  pieces.push(nameFromText(text.slice(end)));
  return Buffer.concat(pieces);
}
