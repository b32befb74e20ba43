/** What Sleuth Kit's `fls` sees on an image: times that other readers of FAT and exFAT do not show. */
import { runTool } from "../../setup/run-tool.ts";

/** Times are whole seconds. */
export interface SleuthKitEntry {
  readonly type: "file" | "directory";
  readonly size: number;
  readonly mtime: number;
  readonly atime: number;
  readonly birthtime: number;
}

/** Files and directories that are not deleted, by path in hexadecimal; control characters are its own. */
export async function sleuthKitEntries(image: string): Promise<Map<string, SleuthKitEntry>> {
  const entries = new Map<string, SleuthKitEntry>();
  for (const line of (await runTool("fls", ["-r", "-u", "-p", "-z", "UTC", "-m", "", image])).split("\n")) {
    // MD5|name|inode|mode|uid|gid|size|atime|mtime|ctime|crtime
    const [, name = "", , mode = "", , , size, atime, mtime, , birthtime] = line.split("|");
    const kind = mode[0];
    if ((kind !== "r" && kind !== "d") || name.endsWith("(Volume Label Entry)")) continue;
    entries.set(Buffer.from(name.replace(/^\//, "")).toString("hex"), {
      type: kind === "d" ? "directory" : "file",
      size: Number(size),
      mtime: Number(mtime),
      atime: Number(atime),
      birthtime: Number(birthtime),
    });
  }
  return entries;
}
