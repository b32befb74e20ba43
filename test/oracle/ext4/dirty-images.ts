/** Images as a power cut leaves them: copied while the kernel is writing. */
import { spawn } from "node:child_process";
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
  /** Workload of churn.py. */
  readonly workload: "metadata" | "fsync" | "directories" | "magic";
}

const JOURNAL_4M = ["-J", "size=4"] as const;

// Linux 6.18 refuses to mount when the fast commit area is full to its last block, so it is large, and emptied often.
const FAST_COMMIT_JOURNAL = ["-J", "size=8,fast_commit_size=2048"] as const;
const COMMIT_OFTEN = "commit=1";

export const DIRTY_RECIPES: readonly DirtyRecipe[] = [
  {
    name: "ordered, checksum v3, 64bit",
    mkfs: ["-t", "ext4", "-b", "4096", ...JOURNAL_4M],
    size: 48,
    workload: "metadata",
  },
  {
    name: "data=journal",
    mkfs: ["-t", "ext4", "-b", "4096", ...JOURNAL_4M],
    size: 48,
    mount: "data=journal",
    workload: "metadata",
  },
  {
    name: "data=journal with blocks that begin with the journal's magic",
    mkfs: ["-t", "ext4", "-b", "4096", "-J", "size=8"],
    size: 48,
    mount: "data=journal",
    workload: "magic",
  },
  {
    name: "no checksums, 32-bit",
    mkfs: ["-t", "ext4", "-b", "4096", "-O", "^metadata_csum,^64bit", ...JOURNAL_4M],
    size: 48,
    workload: "metadata",
  },
  {
    name: "checksum v1 and asynchronous commit",
    mkfs: ["-t", "ext4", "-b", "4096", "-O", "^metadata_csum", ...JOURNAL_4M],
    size: 48,
    mount: "journal_async_commit,data=writeback",
    workload: "metadata",
  },
  {
    name: "checksum v1",
    mkfs: ["-t", "ext4", "-b", "4096", "-O", "^metadata_csum", ...JOURNAL_4M],
    size: 48,
    mount: "journal_checksum",
    workload: "directories",
  },
  {
    name: "ext3, revoke records, 1K journal",
    mkfs: ["-t", "ext3", "-b", "1024", ...JOURNAL_4M],
    size: 48,
    workload: "directories",
  },
  {
    name: "revoke records, 1K journal, 64bit",
    mkfs: ["-t", "ext4", "-b", "1024", ...JOURNAL_4M],
    size: 48,
    workload: "directories",
  },
  {
    name: "data=journal, 1K, reused blocks",
    mkfs: ["-t", "ext4", "-b", "1024", "-J", "size=2"],
    size: 32,
    mount: "data=journal",
    workload: "directories",
  },
  {
    name: "fast commits",
    mkfs: ["-t", "ext4", "-b", "4096", "-O", "fast_commit", ...FAST_COMMIT_JOURNAL],
    size: 48,
    mount: COMMIT_OFTEN,
    workload: "fsync",
  },
  {
    name: "fast commits, inline data",
    mkfs: ["-t", "ext4", "-b", "4096", "-O", "fast_commit,inline_data", ...FAST_COMMIT_JOURNAL],
    size: 48,
    mount: COMMIT_OFTEN,
    workload: "fsync",
  },
  {
    name: "fast commits, 1K",
    mkfs: ["-t", "ext4", "-b", "1024", "-O", "fast_commit", ...FAST_COMMIT_JOURNAL],
    size: 48,
    mount: COMMIT_OFTEN,
    workload: "fsync",
  },
];

const script = path.join(import.meta.dirname, "churn.py");

/**
 * Runs the recipe's workload on a mount and copies the backing file `rounds` times meanwhile.
 * @returns the file names of the copies
 */
export async function dirtyCopies(recipe: DirtyRecipe, directory: string, rounds: number): Promise<string[]> {
  const image = path.join(directory, "live");
  await formatImage(image, recipe.size, recipe.mkfs);
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
      for (let round = 0; round < rounds; round++) {
        await sleep(700 + 130 * round);
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
