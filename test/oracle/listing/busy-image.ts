/** Images as a power cut leaves them: cloned, in one instant, while the kernel is writing. */
import { execFileSync, spawn } from "node:child_process";
import { readdirSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import type { FileSystem } from "../../../src/disk/filesystem/file-system.ts";
import type { ByteSource } from "../../../src/source/byte-source.ts";
import { FileSource } from "../../../src/source/file-source.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { withLoopMount } from "../../setup/loop-mount.ts";
import { tally } from "../../setup/tally.ts";
import { type ComparisonOptions, requireEqual } from "./compare-listings.ts";
import { compareWithKernel } from "./kernel-oracle.ts";
import { TornTreeError } from "./reference-walk.ts";

/** How an empty file system is made and kept busy. */
export interface BusyRecipe {
  readonly name: string;
  readonly mkfs: readonly string[];
  /** MiB. */
  readonly size: number;
  /** Mount options. */
  readonly mount?: string;
  /** Workload of churn.py. */
  readonly workload: "metadata" | "fsync" | "directories" | "magic" | "clones" | "attributes";
}

const script = path.join(import.meta.dirname, "churn.py");

/** Of the file system that the image lies on meanwhile; sparse. */
const HOST_SIZE = 8 * 2 ** 30;

/**
 * Runs a workload on a mount of `image` and clones the backing file `rounds` times meanwhile. The image lies on an
 * XFS that shares extents: a plain copy takes its time, and the writes in between would tear it.
 * @returns the file names of the clones, beside the image
 */
export async function copiesWhileBusy(
  image: string,
  recipe: Pick<BusyRecipe, "mount" | "workload">,
  rounds: number,
): Promise<string[]> {
  await requireDebianPackages("xfsprogs", "coreutils");
  const host = `${image}.host`;
  writeFileSync(host, "");
  truncateSync(host, HOST_SIZE);
  execFileSync("mkfs.xfs", ["-q", "-m", "reflink=1", host]);
  return withLoopMount(host, "", async (directory) => {
    const busy = path.join(directory, "image");
    execFileSync("cp", ["--sparse=always", image, busy]);
    const clones = await clonesWhileBusy(busy, recipe, rounds);
    return clones.map((clone, round) => {
      const copy = `${image}.dirty-${round}`;
      execFileSync("cp", ["--sparse=always", clone, copy]);
      return copy;
    });
  });
}

async function clonesWhileBusy(
  image: string,
  { mount = "", workload }: Pick<BusyRecipe, "mount" | "workload">,
  rounds: number,
): Promise<string[]> {
  const clones: string[] = [];
  await withLoopMount(image, mount, async (mountPoint) => {
    const atFirst = readdirSync(mountPoint).length;
    const churn = spawn("/usr/bin/python3", [script, mountPoint, workload], { stdio: ["ignore", "ignore", "pipe"] });
    let complaint = "";
    churn.stderr.setEncoding("utf8").on("data", (text: string) => {
      complaint += text;
    });
    const ended = new Promise<void>((resolve) => churn.once("close", () => resolve()));
    try {
      while (readdirSync(mountPoint).length === atFirst && churn.exitCode === null) await sleep(50);
      for (let round = 0; round < rounds; round++) {
        await sleep(700 + 180 * round);
        const clone = `${image}.clone-${round}`;
        execFileSync("cp", ["--reflink=always", image, clone]);
        clones.push(clone);
      }
      if (churn.exitCode !== null) throw new Error(`the workload ended early: ${complaint}`);
    } finally {
      churn.kill("SIGKILL");
      await ended;
    }
  });
  return clones;
}

/** A log that we cannot replay must be one that the kernel cannot replay either. */
async function requireRefusal(copy: string, mount: string | undefined, detail: string): Promise<void> {
  const mounted = withLoopMount(copy, mount ?? "", async () => undefined);
  await expect(mounted, `${detail}; the kernel replays it`).rejects.toThrow();
  tally("copies of busy images set aside, because the kernel refuses them too", 1);
}

export interface ReplayComparison extends ComparisonOptions {
  readonly mount?: string;
  /** Of the format, for the tally. */
  readonly format: string;
  readonly open: (source: ByteSource) => Promise<FileSystem>;
}

/**
 * Every copy as the kernel shows it after its own replay.
 * @returns how each copy was replayed: the sentences of those whose log was not empty
 */
export async function compareReplays(
  copies: readonly string[],
  { format, open, ...comparison }: ReplayComparison,
): Promise<readonly string[]> {
  const replays: string[] = [];
  for (const copy of copies) {
    const source = await FileSource.open(copy);
    try {
      const fileSystem = await open(source);
      const { state, detail } = fileSystem.info().consistency;
      if (state === "raw") {
        await requireRefusal(copy, comparison.mount, detail);
        continue;
      }
      const compared = await compareWithKernel(copy, fileSystem, comparison);
      requireEqual(detail, compared);
      tally(`${format} entries of dirty images equal to the kernel's after its replay`, compared.equal);
      if (state === "replayed") replays.push(detail);
    } catch (error) {
      // A file copied while it is written is no point in time: now and then even the kernel cannot make sense of one.
      if (!(error instanceof TornTreeError)) throw error;
      tally("copies of busy images set aside, because the kernel contradicts itself on them", 1);
    } finally {
      await source.close();
    }
  }
  return replays;
}
