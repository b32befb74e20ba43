import { displayName } from "../bytes/byte-name.ts";
import type { TreeNode, TreeStat } from "../restore-tree/tree-node.ts";
import { encodePath } from "../serve/http/request-path.ts";
import { formatExactTime } from "./human.ts";

/** One file as `ls --json` and `stat --json` print it. `href` is the exact path, percent-encoded; `path` is for people. */
export async function entryJson(node: TreeNode, stat: TreeStat): Promise<Record<string, unknown>> {
  return {
    path: displayName(node.path),
    href: encodePath(node.path),
    type: stat.type,
    size: stat.size,
    allocated: stat.allocated,
    mode: stat.mode.toString(8).padStart(4, "0"),
    uid: stat.uid,
    gid: stat.gid,
    ...(stat.owner === undefined ? {} : { owner: stat.owner }),
    links: stat.links,
    mtime: formatExactTime(stat.mtime),
    atime: formatExactTime(stat.atime),
    ctime: formatExactTime(stat.ctime),
    ...(stat.birthtime === undefined ? {} : { birthtime: formatExactTime(stat.birthtime) }),
    ...(stat.device === undefined ? {} : { device: stat.device }),
    ...(stat.flags === undefined ? {} : { flags: stat.flags }),
    ...(stat.type === "symlink" ? { target: displayName(await node.readLink()) } : {}),
  };
}
