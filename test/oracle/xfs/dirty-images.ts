/** Which kinds of images are copied while the kernel is writing to them. */
import path from "node:path";
import { type BusyRecipe, copiesWhileBusy } from "../listing/busy-image.ts";
import { formatImage } from "./images.ts";

export const DIRTY_RECIPES: readonly BusyRecipe[] = [
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

/** Makes the recipe's image in `directory`, keeps it busy, and returns the file names of `rounds` copies. */
export async function dirtyCopies(recipe: BusyRecipe, directory: string, rounds: number): Promise<string[]> {
  const image = path.join(directory, "live");
  await formatImage(image, recipe.size, recipe.mkfs);
  return copiesWhileBusy(image, recipe, rounds);
}
