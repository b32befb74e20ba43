import { createHash } from "node:crypto";
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import path from "node:path";
import { onTestFinished } from "vitest";
import { type KopiaOptions, KopiaRepository } from "../../../src/kopia/kopia-repository.ts";
import { DirectoryStore } from "../../../src/object-store/directory-store.ts";
import type { ByteSource } from "../../../src/source/byte-source.ts";
import type { KopiaWorkspace } from "../../setup/kopia-workspace.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";

/** Opens a copy of the workspace's repository as it would lie in a bucket. */
export async function openAsBucket(workspace: KopiaWorkspace, options?: KopiaOptions): Promise<KopiaRepository> {
  return await openBucket(copyToBucket(workspace), workspace.password, options);
}

/** The bucket's root; the repository is below `kopia/demo/`. */
export function copyToBucket(workspace: KopiaWorkspace): string {
  const root = scratchDirectory();
  workspace.copyAsBucket(path.join(root, "kopia/demo"));
  return root;
}

export async function openBucket(root: string, password: string, options?: KopiaOptions): Promise<KopiaRepository> {
  const repository = await KopiaRepository.open(await DirectoryStore.open(root), "kopia/demo", password, options);
  onTestFinished(() => repository.close());
  return repository;
}

export async function sha256Of(source: ByteSource, step = 1024 * 1024): Promise<string> {
  const hash = createHash("sha256");
  for (let offset = 0; offset < source.size; offset += step) {
    hash.update(await source.read(offset, Math.min(step, source.size - offset)));
  }
  return hash.digest("hex");
}

export function sha256OfFile(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

export function readFileAt(file: string, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  const descriptor = openSync(file, "r");
  readSync(descriptor, bytes, 0, length, offset);
  closeSync(descriptor);
  return bytes;
}
