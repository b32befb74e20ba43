/** Ways to see a guest's files through the kernel. Every mount is fresh, so nothing of the guest is cached yet. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { withLoopMount } from "../../test/setup/loop-mount.ts";

type Work<Result> = (mountPoint: string) => Promise<Result>;

/** The kernel's ext4 over a loop device. */
export function withKernelMount<Result>(image: string, work: Work<Result>): Promise<Result> {
  return withLoopMount(image, "ro,noload", work);
}

/** fuse2fs on a raw image. */
export async function withFuse2fs<Result>(image: string, work: Work<Result>): Promise<Result> {
  const mountPoint = mkdtempSync(path.join(tmpdir(), "vmfr-bench-"));
  try {
    execFileSync("fuse2fs", [image, mountPoint, "-o", "ro"], { stdio: "ignore" });
    try {
      return await work(mountPoint);
    } finally {
      execFileSync("umount", [mountPoint]);
    }
  } finally {
    rmSync(mountPoint, { recursive: true });
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
