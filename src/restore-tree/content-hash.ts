import { createHash } from "node:crypto";
import { readChunks } from "../source/read-chunks.ts";
import type { TreeNode } from "./tree-node.ts";

/** SHA-256 of a regular file's content, lower-case hexadecimal. */
export async function contentHash(node: TreeNode, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  const file = await node.open(signal);
  try {
    for await (const chunk of readChunks(file, 0, file.size, signal === undefined ? {} : { signal }))
      hash.update(chunk);
    return hash.digest("hex");
  } finally {
    await file.close();
  }
}
