import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { openFat } from "../../../src/disk/filesystem/fat/fat-file-system.ts";
import { FileSource } from "../../../src/source/file-source.ts";
import { MemorySource } from "../../../src/source/memory-source.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { tally } from "../../setup/tally.ts";
import { compareListings, requireEqual } from "../listing/compare-listings.ts";
import { walkChecked } from "../listing/kernel-oracle.ts";
import type { ListingEntry, ListingField } from "../listing/listing-entry.ts";
import { FAT_PACKAGES, makeFatImage, mtoolsListing } from "./mtools.ts";
import { FAT_RECIPES, type FatRecipe } from "./recipes.ts";
import { compareWithSleuthKit } from "./sleuth-kit.ts";

beforeAll(() => requireDebianPackages(...FAT_PACKAGES));

const DOS_FLAGS = ["archive", "hidden", "read-only", "system"];

/** A copy on the host has no inode numbers, owners, creation and access times of the image. */
const NOT_COPIED: readonly ListingField[] = [
  "node",
  "mode",
  "uid",
  "gid",
  "allocated",
  "links",
  "atime",
  "ctime",
  "birthtime",
  "data",
];

/** Times of directories are those of the copying, and their sizes the host's. */
function ignored(entry: ListingEntry): readonly ListingField[] {
  return entry.type === "directory" ? [...NOT_COPIED, "mtime", "size"] : NOT_COPIED;
}

test.each(FAT_RECIPES)("$name: every entry as mtools and Sleuth Kit see it", async (recipe) => {
  const image = await makeFatImage(recipe);
  const source = await FileSource.open(image);
  try {
    const fileSystem = await openFat(source, { codePage: recipe.codePage });
    expect(fileSystem.info()).toMatchObject({
      features: [recipe.kind],
      blockSize: recipe.clusterSize,
      consistency: { state: "clean" },
      warnings: [],
    });
    const listing = await walkChecked(fileSystem, { flags: DOS_FLAGS });
    const comparison = compareListings(listing, await mtoolsListing(image, recipe.codePage), { ignore: ignored });
    requireEqual(recipe.name, comparison);
    tally("FAT entries equal to mtools'", comparison.equal);
    tally("FAT entries equal to Sleuth Kit's", await compareWithSleuthKit(image, listing));
  } finally {
    await source.close();
  }
});

/** Sectors in all, of which 512 bytes each: some 30,000 clusters. */
const FEW_SECTORS = 32_000;

test("FAT32 with too few clusters for its name, as boot partitions have: the length of the table decides", async () => {
  const recipe = FAT_RECIPES.find(({ name }) => name === "FAT32") as FatRecipe;
  const image = await makeFatImage(recipe);
  // mtools goes by the number of clusters, so it is asked before the end of the volume is cut off.
  const expected = await mtoolsListing(image, recipe.codePage);
  const bytes = readFileSync(image);
  bytes.writeUInt32LE(FEW_SECTORS, 32);
  const fileSystem = await openFat(new MemorySource(bytes.subarray(0, FEW_SECTORS * 512)), { codePage: 850 });
  expect(fileSystem.info()).toMatchObject({ features: ["fat32"], size: FEW_SECTORS * 512, warnings: [] });
  const listing = await walkChecked(fileSystem, { flags: DOS_FLAGS });
  const comparison = compareListings(listing, expected, { ignore: ignored });
  requireEqual("FAT32 with few clusters", comparison);
  tally("FAT entries equal to mtools'", comparison.equal);
});

test("FAT32: what FSInfo says does not matter, and a damaged boot sector is replaced by its backup", async () => {
  const recipe = FAT_RECIPES.find(({ name }) => name === "FAT32") as FatRecipe;
  const bytes = readFileSync(await makeFatImage(recipe));
  const intact = await walkChecked(await openFat(new MemorySource(Uint8Array.from(bytes))));
  for (const sector of [1, 7]) bytes.fill(0xee, sector * 512 + 484, sector * 512 + 508);
  bytes.writeUInt8(3, 13);
  const fileSystem = await openFat(new MemorySource(bytes));
  expect(fileSystem.info().warnings).toEqual([
    "fat: boot sector at byte 0: clusters of 3 sectors are impossible; its backup at byte 3072 is used",
  ]);
  requireEqual("backup boot sector", compareListings(await walkChecked(fileSystem), intact));
});

test("only the active table counts where copies are not kept alike", async () => {
  const recipe = FAT_RECIPES.find(({ name }) => name === "FAT32") as FatRecipe;
  const image = await makeFatImage(recipe);
  const bytes = readFileSync(image);
  const intact = await walkChecked(await openFat(new MemorySource(Uint8Array.from(bytes))));
  bytes.writeUInt16LE(0x81, 40);
  const tableOffset = bytes.readUInt16LE(14) * 512;
  bytes.fill(0xff, tableOffset, tableOffset + bytes.readUInt32LE(36) * 512);
  const listing = await walkChecked(await openFat(new MemorySource(bytes)));
  requireEqual("second table", compareListings(listing, intact));
});
