/** Makes ext images at test time, with mke2fs and the kernel. */
import { execFile } from "node:child_process";
import { open } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { withLoopMount } from "../../setup/loop-mount.ts";
import type { ImageRecipe } from "./recipes.ts";

const run = promisify(execFile);

export const EXT4_PACKAGES = ["e2fsprogs", "python3", "mount"] as const;

/** Runs a tool, returning its standard output; the error carries what it printed. */
export async function tool(command: string, ...parameters: readonly string[]): Promise<string> {
  const { stdout } = await run(command, parameters, {
    maxBuffer: 256 * 1024 * 1024,
    env: { ...process.env, LC_ALL: "C", PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` },
  });
  return stdout;
}

/** mke2fs on a new sparse file of `size` MiB. */
export async function formatImage(image: string, size: number, mkfs: readonly string[]): Promise<void> {
  const file = await open(image, "w");
  try {
    await file.truncate(size * 1024 * 1024);
  } finally {
    await file.close();
  }
  await tool("mke2fs", "-q", "-F", ...mkfs, image);
}

/** Runs parts of populate.py on a directory. */
export async function populate(directory: string, blockSize: number, parts: readonly string[]): Promise<void> {
  const script = path.join(import.meta.dirname, "populate.py");
  await tool("/usr/bin/python3", script, directory, String(blockSize), ...parts);
}

/** e2fsck answers 1 when it repaired something, which is what it was asked for. */
async function toolTolerating(command: readonly string[], image: string): Promise<void> {
  const [name, ...rest] = command.map((word) => (word === "IMAGE" ? image : word));
  try {
    await tool(name as string, ...rest);
  } catch (error) {
    if (name !== "e2fsck" || (error as { code?: unknown }).code !== 1) throw error;
  }
}

const IMMUTABLE_FLAG = 0x10;
const APPEND_FLAG = 0x20;

/** Sets inode flags through debugfs, because a container may lack the capability to set them through the kernel. */
async function setInodeFlags(image: string, file: string, flags: number): Promise<void> {
  const shown = /Flags: (0x[0-9a-f]+)/.exec(await tool("debugfs", "-R", `stat ${file}`, image))?.[1];
  if (shown === undefined) throw new Error(`debugfs shows no flags of ${file}`);
  await tool("debugfs", "-w", "-R", `sif ${file} flags 0x${(Number(shown) | flags).toString(16)}`, image);
}

/** Makes the image of a recipe in `directory` and returns its file name. */
export async function makeImage(recipe: ImageRecipe, directory: string): Promise<string> {
  const image = path.join(directory, "image");
  await formatImage(image, recipe.size, recipe.mkfs);
  await withLoopMount(image, recipe.mount ?? "", (mountPoint) => populate(mountPoint, recipe.blockSize, recipe.parts));
  if (recipe.parts.includes("flags")) {
    await setInodeFlags(image, "/flags/immutable", IMMUTABLE_FLAG);
    await setInodeFlags(image, "/flags/append", APPEND_FLAG);
  }
  for (const command of recipe.after ?? []) await toolTolerating(command, image);
  return image;
}
