/** Makes NTFS images at test time, with mkntfs and ntfs-3g. */
import { mkdtempSync, rmdirSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { runTool } from "../../setup/run-tool.ts";

export const NTFS_PACKAGES = ["ntfs-3g", "fuse3", "python3", "mount"] as const;

export interface ImageRecipe {
  readonly name: string;
  /** MiB. */
  readonly size: number;
  readonly clusterSize: number;
  readonly mkntfs?: readonly string[];
  /** Functions of populate.py. */
  readonly parts: readonly string[];
}

/** Runs a tool, returning its standard output; the error carries what it printed. */
export function tool(command: string, ...parameters: readonly string[]): Promise<string> {
  return runTool(command, parameters);
}

/** Mounts an image with ntfs-3g, runs `work` with the mount point, and unmounts whatever happens. Needs root. */
export async function withNtfsMount<Result>(
  image: string,
  options: string,
  work: (mountPoint: string) => Promise<Result>,
): Promise<Result> {
  const mountPoint = mkdtempSync(path.join(tmpdir(), "vmfr-mount-"));
  try {
    await tool("ntfs-3g", "-o", options, image, mountPoint);
    try {
      return await work(mountPoint);
    } finally {
      await tool("umount", mountPoint);
    }
  } finally {
    rmdirSync(mountPoint);
  }
}

export async function formatImage(image: string, recipe: Omit<ImageRecipe, "parts" | "name">): Promise<void> {
  const file = await open(image, "w");
  try {
    await file.truncate(recipe.size * 1024 * 1024);
  } finally {
    await file.close();
  }
  const geometry = ["-c", String(recipe.clusterSize), "-p", "0", "-H", "255", "-S", "63"];
  await tool("mkntfs", "-q", "-F", "-Q", "-T", ...geometry, ...(recipe.mkntfs ?? []), image);
}

/** Makes the image of a recipe in `directory` and returns its file name. */
export async function makeImage(recipe: ImageRecipe, directory: string): Promise<string> {
  const image = path.join(directory, "image");
  await formatImage(image, recipe);
  const script = path.join(import.meta.dirname, "populate.py");
  await withNtfsMount(image, "compression", async (mountPoint) => {
    await tool("/usr/bin/python3", script, mountPoint, String(recipe.clusterSize), ...recipe.parts);
  });
  return image;
}
