import { execFileSync } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync, statSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Makes sure the named Debian packages are installed, so that no oracle is ever skipped: installs them as
 * root on Debian, otherwise throws naming what to install. Safe to call from parallel test processes.
 */
export async function requireDebianPackages(...packages: readonly string[]): Promise<void> {
  if (missing(packages).length === 0) return;
  await withLock(path.join(tmpdir(), "vmfr-apt.lock"), () => install(missing(packages)));
}

function missing(packages: readonly string[]): string[] {
  return packages.filter((name) => !isInstalled(name));
}

function isInstalled(name: string): boolean {
  try {
    const status = execFileSync("dpkg-query", ["-W", "-f", `\${db:Status-Status}`, name], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return status === "installed";
  } catch {
    return false;
  }
}

function install(packages: readonly string[]): void {
  if (packages.length === 0) return;
  const advice = `these tests compare with tools from the Debian packages ${packages.join(" ")}; install them with: apt-get install ${packages.join(" ")}`;
  if (process.getuid?.() !== 0 || !isDebian()) throw new Error(advice);
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const install = ["install", "-y", "--no-install-recommends", ...packages];
  try {
    execFileSync("apt-get", install, { stdio: "ignore", env: environment });
  } catch {
    execFileSync("apt-get", ["update"], { stdio: "ignore", env: environment });
    execFileSync("apt-get", install, { stdio: ["ignore", "ignore", "inherit"], env: environment });
  }
}

function isDebian(): boolean {
  try {
    return /^ID(_LIKE)?=.*debian/m.test(readFileSync("/etc/os-release", "utf8"));
  } catch {
    return false;
  }
}

/** A lock file older than this belongs to a process that died. */
const STALE_AFTER_MS = 15 * 60_000;

/** Runs `work` in one process at a time; `file` marks the holder and is kept young while it works. */
export async function withLock<Result>(file: string, work: () => Result | Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      closeSync(openSync(file, "wx"));
      break;
    } catch {
      if (ageOf(file) > STALE_AFTER_MS) rmSync(file, { force: true });
      await sleep(200);
    }
  }
  const heartbeat = setInterval(() => utimesSync(file, new Date(), new Date()), STALE_AFTER_MS / 10);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    rmSync(file, { force: true });
  }
}

function ageOf(file: string): number {
  try {
    return Date.now() - statSync(file).mtimeMs;
  } catch {
    return 0;
  }
}
