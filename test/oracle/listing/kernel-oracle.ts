/** One image, two readers: vmfr's and the running kernel's. */
import { copyFile, rm } from "node:fs/promises";
import type { DirectoryEntry, FileSystem, NodeId } from "../../../src/disk/filesystem/file-system.ts";
import { withLoopMount } from "../../setup/loop-mount.ts";
import { type ComparisonOptions, compareListings, type ListingComparison } from "./compare-listings.ts";
import { type FileSystemWalkOptions, walkFileSystem } from "./file-system-walk.ts";
import type { Listing } from "./listing-entry.ts";
import { walkReference } from "./reference-walk.ts";

/** Directories larger than this are looked up and resumed in a sample. */
const EVERY_ENTRY_UP_TO = 200;

function sample(entries: readonly DirectoryEntry[]): readonly DirectoryEntry[] {
  if (entries.length <= EVERY_ENTRY_UP_TO) return entries;
  const step = Math.ceil(entries.length / EVERY_ENTRY_UP_TO);
  return entries.filter((_entry, index) => index % step === 0);
}

const sameEntry = (left: DirectoryEntry | undefined, right: DirectoryEntry | undefined): boolean =>
  left !== undefined &&
  right !== undefined &&
  left.node === right.node &&
  left.type === right.type &&
  Buffer.compare(left.name, right.name) === 0;

/** Every listed name is found by lookup, no other is, and listing resumes behind any entry. */
async function checkDirectory(
  fileSystem: FileSystem,
  directory: NodeId,
  entries: readonly DirectoryEntry[],
): Promise<void> {
  for (const entry of sample(entries)) {
    const found = await fileSystem.lookup(directory, entry.name);
    if (!sameEntry(found, entry)) throw new Error(`lookup of ${Buffer.from(entry.name).toString("latin1")} differs`);
  }
  if ((await fileSystem.lookup(directory, Buffer.from("no such name \u{1f50d}"))) !== undefined) {
    throw new Error("lookup finds a name that is not there");
  }
  for (const index of new Set([0, 1, Math.floor(entries.length / 2), entries.length - 1])) {
    const after = entries[index];
    if (after === undefined) continue;
    const rest: DirectoryEntry[] = [];
    for await (const batch of fileSystem.readDirectory(directory, { after: after.cursor })) rest.push(...batch);
    const expected = entries.slice(index + 1);
    if (rest.length !== expected.length || rest.some((entry, at) => !sameEntry(entry, expected[at]))) {
      throw new Error(`listing of inode ${directory} resumed behind entry ${index} differs`);
    }
  }
}

/** Walks an open file system, checking lookup and resumed listing of every directory on the way. */
export function walkChecked(
  fileSystem: FileSystem,
  options: Pick<FileSystemWalkOptions, "flags"> = {},
): Promise<Listing> {
  return walkFileSystem(fileSystem, {
    ...options,
    onDirectory: (node, entries) => checkDirectory(fileSystem, node, entries),
  });
}

/** The kernel's view of a copy of the image, so that a dirty journal is replayed there and not in `image`. */
export async function kernelListing(image: string, options = "ro", walk = walkReference): Promise<Listing> {
  const copy = `${image}.kernel`;
  await copyFile(image, copy);
  try {
    return await withLoopMount(copy, options, walk);
  } finally {
    await rm(copy, { force: true });
  }
}

/** @returns the comparison of vmfr's walk of `fileSystem` with the kernel's of a copy of `image`. */
export async function compareWithKernel(
  image: string,
  fileSystem: FileSystem,
  options: ComparisonOptions & { readonly mount?: string } = {},
): Promise<ListingComparison> {
  return compareListings(await walkChecked(fileSystem), await kernelListing(image, options.mount), options);
}
