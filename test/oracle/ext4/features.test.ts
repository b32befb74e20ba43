import { open, readFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { openExt4 } from "../../../src/disk/filesystem/ext4/ext4-file-system.ts";
import { FileSource } from "../../../src/source/file-source.ts";
import { MemorySource } from "../../../src/source/memory-source.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { withLoopMount } from "../../setup/loop-mount.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { tally } from "../../setup/tally.ts";
import { compareListings, requireEqual } from "../listing/compare-listings.ts";
import { walkFileSystem } from "../listing/file-system-walk.ts";
import { kernelListing, walkChecked } from "../listing/kernel-oracle.ts";
import type { Listing, ListingEntry } from "../listing/listing-entry.ts";
import { walkReference } from "../listing/reference-walk.ts";
import { EXT4_PACKAGES, formatImage, populate, tool } from "./images.ts";

beforeAll(() => requireDebianPackages(...EXT4_PACKAGES));

/** What mke2fs -d does not carry over from the folder it copies, or what depends on the folder's own file system. */
const NOT_COPIED = [
  "node",
  "size",
  "allocated",
  "links",
  "mtime",
  "atime",
  "ctime",
  "birthtime",
  "data",
  "flags",
] as const;

/** Kernels with 4 KiB pages do not mount these; mke2fs fills them from a folder, which is then the reference. */
test.each([
  ["16 KiB blocks", ["-t", "ext4", "-b", "16384"]],
  ["64 KiB blocks", ["-t", "ext4", "-b", "65536"]],
  ["64 KiB blocks, block-mapped", ["-t", "ext2", "-b", "65536"]],
  ["casefold", ["-t", "ext4", "-b", "4096", "-O", "casefold", "-E", "encoding=utf8"]],
])("%s: every entry as in the folder it was filled from", async (name, mkfs) => {
  const directory = scratchDirectory();
  const folder = path.join(directory, "folder");
  await tool("mkdir", folder);
  await populate(folder, 4096, ["sizes", "several", "names", "modes", "links"]);
  const image = path.join(directory, "image");
  await formatImage(image, 512, ["-F", ...mkfs, "-d", folder]);
  const source = await FileSource.open(image);
  try {
    const listing = new Map(await walkChecked(await openExt4(source)));
    listing.delete(Buffer.from("lost+found").toString("hex"));
    const comparison = compareListings(listing, await walkReference(folder), { ignore: () => NOT_COPIED });
    requireEqual(name, comparison);
    tally("ext4 entries equal to the folder they came from", comparison.equal);
  } finally {
    await source.close();
  }
});

test("encrypted directories: the kernel's tokens without the key, content refused by both", async () => {
  const image = path.join(scratchDirectory(), "image");
  await formatImage(image, 32, ["-t", "ext4", "-b", "1024", "-O", "encrypt"]);
  const script = path.join(import.meta.dirname, "fscrypt.py");
  await withLoopMount(image, "", (mountPoint) => tool("/usr/bin/python3", script, mountPoint));
  const source = await FileSource.open(image);
  try {
    const listing = await walkChecked(await openExt4(source));
    const comparison = compareListings(listing, await kernelListing(image));
    requireEqual("encrypt", comparison);
    expect([...listing.values()].filter((entry) => /encrypted file/.test(entry.contentError ?? ""))).toHaveLength(412);
    tally("ext4 entries equal to the kernel's mount", comparison.equal);
  } finally {
    await source.close();
  }
});

async function smallImage(mkfs: readonly string[]): Promise<{ image: string; listing: Listing }> {
  const image = path.join(scratchDirectory(), "image");
  await formatImage(image, 24, ["-t", "ext4", "-b", "1024", "-N", "512", ...mkfs]);
  await withLoopMount(image, "", (mountPoint) => populate(mountPoint, 1024, ["several", "links", "xattrs", "special"]));
  const source = await FileSource.open(image);
  const listing = await walkFileSystem(await openExt4(source));
  await source.close();
  return { image, listing };
}

async function overwrite(image: string, offset: number, length: number): Promise<void> {
  const file = await open(image, "r+");
  await file.write(new Uint8Array(length).fill(0xa5), 0, length, offset);
  await file.close();
}

test.each([
  ["plain", []],
  ["sparse_super2", ["-O", "sparse_super2,^resize_inode", "-E", "num_backup_sb=2"]],
  ["meta_bg", ["-O", "meta_bg,^resize_inode"]],
  ["without checksums", ["-O", "^metadata_csum"]],
])("a destroyed superblock and its descriptors (%s): the copies show the same files", async (name, mkfs) => {
  const { image, listing } = await smallImage(mkfs);
  await overwrite(image, 1024, 2048);
  const source = await FileSource.open(image);
  try {
    const fileSystem = await openExt4(source);
    const { warnings, consistency } = fileSystem.info();
    expect(warnings[0]).toMatch(/superblock at byte 1024: magic number missing; its copy at byte \d+ is used/);
    expect(consistency.state).toBe("clean");
    const comparison = compareListings(await walkFileSystem(fileSystem), listing);
    requireEqual(name, comparison);
    tally("ext4 entries read through a copy of the superblock", comparison.equal);
  } finally {
    await source.close();
  }
});

test("destroyed descriptors alone: their copies are used, with a warning each", async () => {
  const { image, listing } = await smallImage([]);
  await overwrite(image, 2048, 1024);
  const source = await FileSource.open(image);
  const fileSystem = await openExt4(source);
  requireEqual("descriptors", compareListings(await walkFileSystem(fileSystem), listing));
  expect(fileSystem.info().warnings[0]).toMatch(/group descriptor 0 is damaged; its copy at byte \d+ is used/);
  await source.close();
});

/** Byte ranges of what is checksummed: descriptors, inode table and the blocks of directories. */
async function metadataRanges(image: string): Promise<[number, number][]> {
  const shown = await tool("dumpe2fs", image);
  const table = Number(/Inode table at (\d+)-/.exec(shown)?.[1]);
  const directories = await Promise.all(
    ["/", "/several", "/links", "/xattrs"].map((name) => tool("debugfs", "-R", `blocks ${name}`, image)),
  );
  const blocks = directories.flatMap((line) => line.trim().split(/\s+/).map(Number));
  return [
    [1024, 1024],
    [2048, 128],
    [table * 1024, 64 * 256],
    ...blocks.map((block): [number, number] => [block * 1024, 1024]),
  ];
}

const FLIPS = 150;

/** A listing of a damaged image must agree with the intact one wherever it does not say that it cannot. */
function wrongEntries(damaged: Listing, intact: Listing): string[] {
  const withoutErrors = ({ contentError, xattrsError, ...fields }: ListingEntry): string => {
    if (xattrsError !== undefined) delete fields.xattrs;
    return JSON.stringify(fields);
  };
  return [...damaged].flatMap(([name, entry]) => {
    const original = intact.get(name);
    if (entry.contentError !== undefined || entry.xattrsError !== undefined) return [];
    return original !== undefined && withoutErrors(entry) === withoutErrors(original) ? [] : [name];
  });
}

test("one flipped byte of checksummed metadata: the same files or a named error, never other bytes", async () => {
  const { image, listing } = await smallImage([]);
  const bytes = await readFile(image);
  const ranges = await metadataRanges(image);
  const outcomes = { same: 0, refused: 0 };
  for (let round = 0; round < FLIPS; round++) {
    const [start, length] = ranges[round % ranges.length] as [number, number];
    const offset = start + ((round * 7919) % length);
    const damaged = Buffer.from(bytes);
    damaged[offset] = (damaged[offset] as number) ^ (1 << (round % 8));
    const fileSystem = await openExt4(new MemorySource(damaged));
    const seen = await walkFileSystem(fileSystem);
    expect(wrongEntries(seen, listing), `byte ${offset}`).toEqual([]);
    const refused = [...seen.values()].some(
      (entry) => entry.contentError !== undefined || entry.xattrsError !== undefined,
    );
    if (!refused) expect(seen.size, `byte ${offset}`).toBe(listing.size);
    outcomes[refused ? "refused" : "same"]++;
  }
  tally("ext4 images with a flipped metadata byte: same files", outcomes.same);
  tally("ext4 images with a flipped metadata byte: named error", outcomes.refused);
});
