import { createHash } from "node:crypto";
import { createReadStream, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { runTool } from "../../setup/run-tool.ts";

/** Files of a guest by path, relative to its root. */
export type GuestFiles = Readonly<Record<string, string>>;

/** Makes `image` a disk with one ext4 file system over all of it that holds `files`. */
export async function makeGuestImage(image: string, bytes: number, files: GuestFiles): Promise<void> {
  const folder = `${image}.files`;
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
  const features = ["-q", "-F", "-t", "ext4", "-b", "4096", "-E", "root_owner=0:0"];
  await runTool("mke2fs", [...features, "-d", folder, image, `${bytes / 1024}k`]);
}

/** Hexadecimal SHA-256 of a file's bytes. */
export async function sha256Of(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}
