import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { cacheDirectory } from "./cache-directory.ts";
import { requireDebianPackages, withLock } from "./debian-packages.ts";

const run = promisify(execFile);

/** The appliance is built from what is installed here, so these decide which tools it has. */
const PACKAGES = ["libguestfs-tools", "linux-image-amd64", "qemu-system-x86", "lvm2", "thin-provisioning-tools"];
const MORE_PACKAGES = ["mdadm", "cryptsetup-bin", "e2fsprogs", "xfsprogs"];

export interface ApplianceRecipe {
  /** For people; part of the folder's name. */
  readonly name: string;
  /** MiB of each disk; the first is /dev/sda. */
  readonly disks: readonly number[];
  /** Bash, run as root by the appliance's kernel; `report DEVICE…` prints size and SHA-256 of what the kernel reads. */
  readonly script: string;
}

export interface ApplianceImages {
  /** Raw disk images, in the recipe's order; shared by all runs, never to be changed. */
  readonly disks: readonly string[];
  /** What `report` printed. */
  readonly devices: ReadonlyMap<string, { readonly size: number; readonly sha256: string }>;
}

/** `pattern WORD BYTES`: text in which every sector differs from every other and from those of other words. */
const PRELUDE = `set -e
report() { for device; do echo "device $device $(blockdev --getsize64 $device) $(sha256sum < $device | cut -c1-64)"; done; }
pattern() { seq -f "$1 %.0f" 1 100000000 2>/dev/null | head -c "$2"; }
sync
`;

/**
 * Disks made by a complete Linux kernel: libguestfs' appliance, emulated where there is no KVM, has the
 * device mapper and md that the tests' own kernel may lack. Starting it takes half a minute, so images are
 * kept in the cache by the hash of their recipe.
 */
export async function imagesFromAppliance(recipe: ApplianceRecipe): Promise<ApplianceImages> {
  const hash = createHash("sha256")
    .update(JSON.stringify([PRELUDE, recipe.disks, recipe.script]))
    .digest("hex");
  const directory = cacheDirectory("appliance", `${recipe.name}-${hash.slice(0, 16)}`);
  const log = path.join(directory, "output");
  const disks = recipe.disks.map((_, index) => path.join(directory, `${index}.img`));
  if (!existsSync(log)) {
    await requireDebianPackages(...PACKAGES, ...MORE_PACKAGES);
    await withLock(path.join(directory, "build.lock"), async () => {
      if (!existsSync(log)) await build(recipe, disks, log);
    });
  }
  const lines = readFileSync(log, "utf8").matchAll(/^device (\S+) (\d+) ([0-9a-f]{64})$/gm);
  const devices = new Map(
    [...lines].map(([, device = "", size, sha256 = ""]) => [device, { size: Number(size), sha256 }]),
  );
  return { disks, devices };
}

async function build(recipe: ApplianceRecipe, disks: readonly string[], log: string): Promise<void> {
  await mkdir(path.dirname(log), { recursive: true });
  for (const [index, disk] of disks.entries()) {
    rmSync(disk, { force: true });
    writeFileSync(disk, "");
    truncateSync(disk, (recipe.disks[index] as number) * 1024 * 1024);
  }
  const script = Buffer.from(`${PRELUDE}${recipe.script}\nsync\n`).toString("base64");
  const command = `echo ${script} | base64 -d > /tmp/recipe; bash /tmp/recipe 2>&1`;
  const drives = disks.flatMap((disk) => ["-a", disk]);
  const { stdout } = await run("guestfish", ["--format=raw", ...drives, "run", ":", "debug", "sh", command], {
    maxBuffer: 16 * 1024 * 1024,
    env: { ...process.env, LIBGUESTFS_BACKEND: "direct", LIBGUESTFS_BACKEND_SETTINGS: "force_tcg" },
  });
  // Renamed into place, so that an interrupted build never looks like a finished one.
  writeFileSync(`${log}.unfinished`, stdout);
  renameSync(`${log}.unfinished`, log);
}
