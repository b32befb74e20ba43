/** Version 4, which few kernels still mount: images filled by mkfs.xfs, and attributes set by xfs_db. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { openXfs } from "../../../src/disk/filesystem/xfs/xfs-file-system.ts";
import { FileSource } from "../../../src/source/file-source.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { tally } from "../../setup/tally.ts";
import { populate } from "../ext4/images.ts";
import { compareListings, requireEqual } from "../listing/compare-listings.ts";
import { walkChecked } from "../listing/kernel-oracle.ts";
import type { Listing, ListingEntry, ListingField } from "../listing/listing-entry.ts";
import { walkReference } from "../listing/reference-walk.ts";
import { formatImage, tool, XFS_PACKAGES } from "./images.ts";
import { isWord, prototypeOf } from "./prototype.ts";

const RECIPES: readonly { name: string; mkfs: readonly string[] }[] = [
  { name: "defaults", mkfs: [] },
  { name: "512-byte blocks, 256-byte inodes", mkfs: ["-b", "size=512", "-i", "size=256"] },
  {
    name: "without file types, first attributes, first log",
    mkfs: ["-n", "ftype=0", "-i", "attr=1,projid32bit=0", "-l", "version=1,lazy-count=0"],
  },
  { name: "case-insensitive, 8K directory blocks", mkfs: ["-n", "version=ci,size=8192"] },
  { name: "64K blocks", mkfs: ["-b", "size=65536"] },
  { name: "4K sectors, 1K inodes", mkfs: ["-s", "size=4096", "-i", "size=1024"] },
];

/** What mkfs gives new files itself, or what depends on the file system the folder is on. */
const NOT_COPIED: readonly ListingField[] = [
  "node",
  "allocated",
  "mtime",
  "atime",
  "ctime",
  "birthtime",
  "data",
  "links",
];

/** The format has nine bits for the major number, and mkfs.xfs takes what is left of larger ones. */
const hasWideDevice = (entry: ListingEntry): boolean => entry.device?.startsWith("4095:") ?? false;

const ignored = (entry: ListingEntry): readonly ListingField[] =>
  hasWideDevice(entry)
    ? [...NOT_COPIED, "device"]
    : entry.type === "directory" || entry.type === "symlink"
      ? [...NOT_COPIED, "size", "mode"]
      : NOT_COPIED;

beforeAll(() => requireDebianPackages(...XFS_PACKAGES));

/** Without what the description of the folder cannot hold. */
function describable(listing: Listing): Listing {
  const held = ({ path: at, target = "", type }: ListingEntry) =>
    type !== "socket" && [at, target].every((hex) => isWord(Buffer.from(hex, "hex")));
  return new Map([...listing].filter(([, entry]) => held(entry)));
}

async function fill(directory: string, mkfs: readonly string[]): Promise<{ image: string; expected: Listing }> {
  const folder = path.join(directory, "folder");
  mkdirSync(folder);
  await populate(folder, 4096, ["sizes", "several", "links", "special"]);
  const large = path.join(folder, "large");
  mkdirSync(large);
  for (let index = 0; index < 2500; index++)
    writeFileSync(path.join(large, `${index}-${"n".repeat(index % 90)}`), `${index}`);
  const description = path.join(directory, "prototype");
  writeFileSync(description, prototypeOf(folder));
  const image = path.join(directory, "image");
  await formatImage(image, 384, ["-m", "crc=0,finobt=0", ...mkfs, "-p", description]);
  return { image, expected: describable(await walkReference(folder)) };
}

test.each(RECIPES)("version 4, $name: every entry as in the folder it was filled from", async ({ name, mkfs }) => {
  const { image, expected } = await fill(scratchDirectory(), mkfs);
  const source = await FileSource.open(image);
  try {
    const fileSystem = await openXfs(source);
    expect(fileSystem.info().consistency.state).toBe("clean");
    const comparison = compareListings(await walkChecked(fileSystem), expected, { ignore: ignored });
    requireEqual(name, comparison);
    tally("xfs version 4 entries equal to the folder they came from", comparison.equal);
  } finally {
    await source.close();
  }
});

/** Lengths of values: in the inode, in a leaf, in blocks of their own. */
const VALUES = [1, 5, 200, 1000, 3000, 9000, 60_000];

test.each([
  ["4K blocks", "size=4096"],
  ["512-byte blocks", "size=512"],
])("version 4, %s: attributes as xfs_db set them", async (_name, size) => {
  const { image } = await fill(scratchDirectory(), ["-b", size]);
  const open = async () => openXfs(await FileSource.open(image));
  const before = await open();
  const entry = await before.lookup(before.root, Buffer.from("sizes"));
  for (const [index, length] of VALUES.entries()) {
    const commands = [`inode ${entry?.node}`, `attr_set ${["-u", "-r", "-s"][index % 3]} -v ${length} name-${index}`];
    await tool("xfs_db", "-x", ...commands.flatMap((command) => ["-c", command]), image);
  }
  const after = await open();
  const attributes = await after.xattrs(entry?.node as number);
  const seen = attributes.map(
    ({ name, value }) => [Buffer.from(name).toString(), Buffer.from(value).toString()] as const,
  );
  const expected = VALUES.map(
    (length, index) => [`${["user", "trusted", "security"][index % 3]}.name-${index}`, "v".repeat(length)] as const,
  );
  expect(new Map(seen)).toEqual(new Map(expected));
  tally("xfs version 4 attributes equal to what xfs_db set", seen.length);
});
