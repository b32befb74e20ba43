/** Makes XFS images at test time, with mkfs.xfs and the kernel. */
import { open } from "node:fs/promises";
import path from "node:path";
import { withLoopMount } from "../../setup/loop-mount.ts";
import { runTool } from "../../setup/run-tool.ts";
import { populate } from "../ext4/images.ts";
import type { ImageRecipe } from "./recipes.ts";

export const XFS_PACKAGES = ["xfsprogs", "python3", "mount"] as const;

/** mkfs.xfs refuses file systems under 300 MB unless it is being tested, which these words say. */
const SMALL_IS_FINE = { TEST_DIR: "yes", TEST_DEV: "yes", QA_CHECK_FS: "yes" };

/** Runs a tool of xfsprogs, returning its standard output. */
export function tool(command: string, ...parameters: readonly string[]): Promise<string> {
  return runTool(command, parameters, SMALL_IS_FINE);
}

/** mkfs.xfs on a new sparse file of `size` MiB. */
export async function formatImage(image: string, size: number, mkfs: readonly string[]): Promise<void> {
  const file = await open(image, "w");
  try {
    await file.truncate(size * 1024 * 1024);
  } finally {
    await file.close();
  }
  await tool("mkfs.xfs", "-q", "-f", ...mkfs, image);
}

/** Makes the image of a recipe in `directory` and returns its file name. */
export async function makeImage(recipe: ImageRecipe, directory: string): Promise<string> {
  const image = path.join(directory, "image");
  await formatImage(image, recipe.size, recipe.mkfs);
  await withLoopMount(image, recipe.mount ?? "", async (mountPoint) => {
    await populate(mountPoint, recipe.blockSize, recipe.parts);
    if (recipe.ownParts !== undefined) {
      const script = path.join(import.meta.dirname, "populate_xfs.py");
      await tool("/usr/bin/python3", script, mountPoint, ...recipe.ownParts);
    }
  });
  for (const command of recipe.after ?? []) {
    const [name, ...rest] = command.map((word) => (word === "IMAGE" ? image : word));
    await tool(name as string, ...rest);
  }
  return image;
}
