import { type FileHandle, open, rm } from "node:fs/promises";
import { ConfigError } from "../errors.ts";

/**
 * A new file filled by `write`. What was written before a failure is removed: half of something must not be taken
 * for the whole.
 * @throws ConfigError when the file is there already and `force` is not set, or cannot be made.
 */
export async function writeOutputFile(
  path: string,
  force: boolean,
  write: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const file = await open(path, force ? "w" : "wx").catch((cause: NodeJS.ErrnoException) => {
    const exists = cause.code === "EEXIST";
    throw new ConfigError(exists ? `${path} is already there; --force overwrites it` : `${path}: ${cause.message}`, {
      cause,
    });
  });
  try {
    await write(file);
    await file.close();
  } catch (error) {
    await file.close();
    await rm(path, { force: true });
    throw error;
  }
}
