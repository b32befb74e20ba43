/** Ways to see a guest's files through the kernel. Every mount is fresh, so nothing of the guest is cached yet. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { withLoopMount } from "../../test/setup/loop-mount.ts";

type Work<Result> = (mountPoint: string) => Promise<Result>;

/** The kernel over a loop device, without replaying a journal; that option's name is the file system's own. */
export function withKernelMount<Result>(
  image: string,
  work: Work<Result>,
  type: "ext4" | "xfs" = "ext4",
): Promise<Result> {
  return withLoopMount(image, type === "xfs" ? "ro,norecovery" : "ro,noload", work);
}

/** fuse2fs on a raw image. */
export function withFuse2fs<Result>(image: string, work: Work<Result>): Promise<Result> {
  return withFuseMount(["fuse2fs", "-o", "ro"], image, work);
}

/** A FUSE driver that takes an image and a directory behind its options, and returns once it has mounted. */
export async function withFuseMount<Result>(
  [driver, ...options]: readonly [string, ...string[]],
  image: string,
  work: Work<Result>,
): Promise<Result> {
  const mountPoint = mkdtempSync(path.join(tmpdir(), "vmfr-bench-"));
  try {
    execFileSync(driver, [...options, image, mountPoint], { stdio: "ignore" });
    try {
      return await work(mountPoint);
    } finally {
      execFileSync("umount", [mountPoint]);
    }
  } finally {
    rmSync(mountPoint, { recursive: true });
  }
}

/** libguestfs, told what to mount: without looking for the guest's file systems first. */
export async function withGuestmount<Result>(image: string, work: Work<Result>): Promise<Result> {
  const mountPoint = mkdtempSync(path.join(tmpdir(), "vmfr-bench-"));
  const pidFile = `${mountPoint}.pid`;
  try {
    guestmount("--format=raw", "-a", image, "-m", "/dev/sda", "--pid-file", pidFile, mountPoint);
    const pid = readFileSync(pidFile, "utf8").trim();
    try {
      return await work(mountPoint);
    } finally {
      execFileSync("guestunmount", [mountPoint], { stdio: "ignore" });
      // It goes on cleaning up, and would be measured with whatever comes next.
      while (existsSync(`/proc/${pid}`)) await sleep(20);
    }
  } finally {
    rmSync(mountPoint, { recursive: true });
    rmSync(pidFile, { force: true });
  }
}

/** With KVM where that works, else emulated; trying takes a fraction of a second. */
function guestmount(...options: readonly string[]): void {
  const environment = { ...process.env, LIBGUESTFS_BACKEND: "direct" };
  try {
    execFileSync("guestmount", ["--ro", ...options], { stdio: "ignore", env: environment });
  } catch {
    const emulated = { ...environment, LIBGUESTFS_BACKEND_SETTINGS: "force_tcg" };
    execFileSync("guestmount", ["--ro", ...options], { stdio: ["ignore", "ignore", "pipe"], env: emulated });
  }
}

/** A qcow2 exported over FUSE as a raw file by qemu-storage-daemon, mounted by the kernel. */
export async function withQemuExport<Result>(image: string, work: Work<Result>): Promise<Result> {
  const directory = mkdtempSync(path.join(tmpdir(), "vmfr-bench-"));
  const exported = path.join(directory, "disk.raw");
  writeFileSync(exported, "");
  const daemon = spawn(
    "qemu-storage-daemon",
    [
      ...["--blockdev", `driver=file,node-name=file,filename=${image},read-only=on,auto-read-only=off,locking=off`],
      ...["--blockdev", "driver=qcow2,node-name=disk,file=file,read-only=on"],
      ...["--export", `type=fuse,id=export,node-name=disk,mountpoint=${exported},writable=off`],
    ],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  const ended = new Promise((resolve) => daemon.once("exit", resolve));
  try {
    await untilExported(exported, daemon);
    return await withKernelMount(exported, work);
  } finally {
    daemon.kill("SIGTERM");
    await ended;
    rmSync(directory, { recursive: true });
  }
}

async function untilExported(file: string, daemon: ChildProcess): Promise<void> {
  while (!existsSync(file) || statSync(file).size === 0) {
    if (daemon.exitCode !== null) throw new Error(`qemu-storage-daemon ended with ${daemon.exitCode}`);
    await sleep(5);
  }
}
