/** Which kinds of images are copied while the kernel is writing to them. */
import path from "node:path";
import { type BusyRecipe, copiesWhileBusy } from "../listing/busy-image.ts";
import { formatImage } from "./images.ts";

const JOURNAL_4M = ["-J", "size=4"] as const;

// Linux 6.18 refuses to mount when the fast commit area is full to its last block, so it is large, and emptied often.
const FAST_COMMIT_JOURNAL = ["-J", "size=8,fast_commit_size=2048"] as const;
const COMMIT_OFTEN = "commit=1";

export const DIRTY_RECIPES: readonly BusyRecipe[] = [
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

/** Makes the recipe's image in `directory`, keeps it busy, and returns the file names of `rounds` copies. */
export async function dirtyCopies(recipe: BusyRecipe, directory: string, rounds: number): Promise<string[]> {
  const image = path.join(directory, "live");
  await formatImage(image, recipe.size, recipe.mkfs);
  return copiesWhileBusy(image, recipe, rounds);
}
