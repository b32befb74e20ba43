import { execFileSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/**
 * Mounts an image through the kernel, runs `work` with the mount point, and unmounts whatever happens.
 * Needs root. `options` as for `mount -o`; `loop` is added.
 */
export async function withLoopMount<Result>(
  image: string,
  options: string,
  work: (mountPoint: string) => Result | Promise<Result>,
): Promise<Result> {
  const mountPoint = mkdtempSync(path.join(tmpdir(), "vmfr-mount-"));
  try {
    execFileSync("mount", ["-o", options === "" ? "loop" : `loop,${options}`, image, mountPoint], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    try {
      return await work(mountPoint);
    } finally {
      execFileSync("umount", [mountPoint], { stdio: ["ignore", "ignore", "pipe"] });
    }
  } finally {
    rmdirSync(mountPoint);
  }
}
