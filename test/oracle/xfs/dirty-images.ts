/** Images as a power cut leaves them: copied while the kernel is writing. */
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { withLoopMount } from "../../setup/loop-mount.ts";
import { formatImage } from "./images.ts";

export interface DirtyRecipe {
  readonly name: string;
  readonly mkfs: readonly string[];
  /** MiB. */
  readonly size: number;
  readonly mount?: string;
  /** Workload of churn.py, of the ext4 tests. */
  readonly workload: "metadata" | "fsync" | "directories" | "clones" | "attributes";
}

export const DIRTY_RECIPES: readonly DirtyRecipe[] = [
  { name: "defaults", mkfs: [], size: 64, workload: "metadata" },
  { name: "1K blocks, rmapbt", mkfs: ["-b", "size=1024", "-m", "rmapbt=1"], size: 48, workload: "directories" },
  {
    name: "4K sectors, stripe unit of 32K",
    mkfs: ["-s", "size=4096", "-l", "su=32768"],
    size: 64,
    workload: "directories",
  },
  {
    name: "records of 256K",
    mkfs: ["-l", "su=262144"],
    size: 128,
    mount: "logbsize=256k",
    workload: "metadata",
  },
  { name: "nrext64, without bigtime", mkfs: ["-i", "nrext64=1", "-m", "bigtime=0"], size: 64, workload: "fsync" },
  {
    name: "16K directory blocks, 1K inodes",
    mkfs: ["-n", "size=16384", "-i", "size=1024"],
    size: 64,
    workload: "directories",
  },
  { name: "shared extents", mkfs: ["-m", "reflink=1"], size: 64, workload: "clones" },
  { name: "attribute forks of all forms", mkfs: [], size: 64, workload: "attributes" },
  { name: "16K blocks", mkfs: ["-b", "size=16384"], size: 192, workload: "metadata" },
];

const EXT4_WORKLOADS: readonly string[] = ["metadata", "fsync", "directories"];

/**
 * Runs the recipe's workload on a mount and copies the backing file `rounds` times meanwhile.
 * @returns the file names of the copies
 */
export async function dirtyCopies(recipe: DirtyRecipe, directory: string, rounds: number): Promise<string[]> {
  const image = path.join(directory, "live");
  await formatImage(image, recipe.size, recipe.mkfs);
  const folder = EXT4_WORKLOADS.includes(recipe.workload)
    ? path.join(import.meta.dirname, "../ext4")
    : import.meta.dirname;
  const script = path.join(folder, "churn.py");
  const copies: string[] = [];
  await withLoopMount(image, recipe.mount ?? "", async (mountPoint) => {
    const churn = spawn("/usr/bin/python3", [script, mountPoint, recipe.workload], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let complaint = "";
    churn.stderr.setEncoding("utf8").on("data", (text: string) => {
      complaint += text;
    });
    const ended = new Promise<void>((resolve) => churn.once("close", () => resolve()));
    try {
      while (readdirSync(mountPoint).length === 0 && churn.exitCode === null) await sleep(50);
      for (let round = 0; round < rounds; round++) {
        await sleep(700 + 230 * round);
        const copy = path.join(directory, `dirty-${round}`);
        await copyFile(image, copy);
        copies.push(copy);
      }
      if (churn.exitCode !== null) throw new Error(`the workload ended early: ${complaint}`);
    } finally {
      churn.kill("SIGKILL");
      await ended;
    }
  });
  return copies;
}
