import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { openNtfs } from "../../../src/disk/filesystem/ntfs/ntfs-file-system.ts";
import type { ByteSource } from "../../../src/source/byte-source.ts";
import { MemorySource } from "../../../src/source/memory-source.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { tally } from "../../setup/tally.ts";
import { judgeDamage } from "../damage/damage-outcome.ts";
import { failReads, flipBits, readDamaged } from "../damage/damaged-image.ts";
import { walkFileSystem } from "../listing/file-system-walk.ts";
import type { Listing } from "../listing/listing-entry.ts";
import { type ImageRecipe, makeImage, NTFS_PACKAGES } from "./images.ts";
import { compareListingWithNtfs3g, ntfs3gListing } from "./ntfs-3g-oracle.ts";

/** Seconds a normal run may spend on flips. */
const FLIP_SECONDS = 20;
const SECTOR = 512;
const RECORD = 1024;

const RECIPE: ImageRecipe = {
  name: "small",
  size: 4,
  clusterSize: 512,
  parts: ["small", "streams"],
};

let image: Uint8Array;
let intact: Listing;
/** Offsets of all bytes in MFT records and index blocks, and of the boot sector. */
let metadata: readonly number[];

beforeAll(async () => {
  await requireDebianPackages(...NTFS_PACKAGES);
  const directory = mkdtempSync(path.join(tmpdir(), "vmfr-test-"));
  try {
    image = Uint8Array.from(readFileSync(await makeImage(RECIPE, directory)));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  metadata = metadataOffsets();
  intact = await walkFileSystem(await openNtfs(new MemorySource(image)));
  expect(intact.size).toBeGreaterThan(100);
});

function metadataOffsets(): number[] {
  const offsets = Array.from({ length: SECTOR }, (_, at) => at);
  for (let start = 0; start < image.length; start += SECTOR) {
    const magic = Buffer.from(image.subarray(start, start + 4)).toString("latin1");
    const length = magic === "FILE" ? RECORD : magic === "INDX" ? 4096 : 0;
    for (let at = start; at < start + length; at++) offsets.push(at);
  }
  return offsets;
}

const subject = () => ({ image, intact, metadata, open: (source: ByteSource) => openNtfs(source) });
const outcomeOf = async (bytes: Uint8Array) => (await readDamaged(subject(), new MemorySource(bytes))).outcome;

/** Of the other answers, so many are held against ntfs-3g's. */
const MOST_JUDGED = 25;

const DESCRIPTOR = Buffer.from("system.ntfs_acl").toString("hex");

/** Of a descriptor that contradicts itself vmfr shows the bytes or says so, ntfs-3g what it can make of it. */
function withoutDescriptors(listing: Listing): Listing {
  return new Map(
    [...listing].map(([at, { xattrs = [], xattrsError: _refused, ...entry }]) => [
      at,
      { ...entry, xattrs: xattrs.filter(([name]) => name !== DESCRIPTOR) },
    ]),
  );
}

/** What differs between vmfr's and ntfs-3g's view of a damaged image; nothing when ntfs-3g refuses it. */
async function differencesFromNtfs3g(damaged: Uint8Array): Promise<readonly string[]> {
  const directory = mkdtempSync(path.join(tmpdir(), "vmfr-test-"));
  try {
    const file = path.join(directory, "image");
    writeFileSync(file, damaged);
    const listing = await walkFileSystem(await openNtfs(new MemorySource(damaged)));
    const expected = await ntfs3gListing(file).catch(() => undefined);
    if (expected === undefined) return [];
    return compareListingWithNtfs3g(withoutDescriptors(listing), withoutDescriptors(expected)).differences;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test("the intact image is as ntfs-3g shows it", async () => {
  expect(await differencesFromNtfs3g(image)).toEqual([]);
});

test("a flipped bit in metadata: the same answer, a named error, or another one that ntfs-3g gives, too", async () => {
  const others: { damaged: Uint8Array; what: string }[] = [];
  const counts = await flipBits(subject(), FLIP_SECONDS, async (damaged, _listing, { what }) => {
    if (others.length < MOST_JUDGED) others.push({ damaged: Uint8Array.from(damaged), what });
  });
  expect(counts.named).toBeGreaterThan(3);
  tally("ntfs flipped metadata bytes: same answer", counts.equal);
  tally("ntfs flipped metadata bytes: named error", counts.named);
  tally("ntfs flipped metadata bytes: another answer, which no checksum tells", counts.different);
  for (const { damaged, what } of others) {
    expect(await differencesFromNtfs3g(damaged), what).toEqual([]);
    tally("ntfs flipped metadata bytes: the other answer is ntfs-3g's, or ntfs-3g refuses", 1);
  }
}, 3_600_000);

test("a sector of another time is a torn write, named for its record alone", async () => {
  let torn = 0;
  for (let start = 0; start < image.length && torn < 60; start += SECTOR) {
    if (Buffer.from(image.subarray(start, start + 4)).toString("latin1") !== "FILE") continue;
    const copy = Uint8Array.from(image);
    const end = start + 2 * SECTOR - 1;
    copy[end] = (copy[end] as number) ^ 0x80;
    const outcome = await outcomeOf(copy);
    expect(outcome.kind, `record at ${start}: ${outcome.where}`).not.toBe("different");
    torn++;
  }
  tally("ntfs torn MFT records: same answer or named error", torn);
});

test("a read that fails once, at every place: named, never another answer, and right afterwards", async () => {
  const tried = await failReads(subject());
  expect(tried).toBeGreaterThan(10);
  tally("ntfs k-th read failed: named, and right again afterwards", tried);
});

describe("truncated", () => {
  test.each([0.001, 0.05, 0.3, 0.6, 0.95])("to %d of its length", async (part) => {
    const length = Math.floor((image.length * part) / SECTOR) * SECTOR;
    const outcome = await outcomeOf(image.subarray(0, length));
    expect(outcome.kind, outcome.where).not.toBe("different");
    tally("ntfs truncated images: same answer or named error", 1);
  });
});

test("the first record damaged: its copy is used, and a warning says so", async () => {
  const copy = Uint8Array.from(image);
  const geometry = Buffer.from(image.buffer).readUInt32LE(0x30);
  copy.fill(0, geometry * RECIPE.clusterSize, geometry * RECIPE.clusterSize + RECORD);
  const fileSystem = await openNtfs(new MemorySource(copy));
  expect(fileSystem.info().warnings.join()).toContain("$MFTMirr");
  const outcome = judgeDamage(await walkFileSystem(fileSystem), intact);
  expect(outcome.kind, outcome.where).toBe("equal");
});

test("the boot sector damaged: its copy is used, and a warning says so", async () => {
  const copy = Uint8Array.from(image);
  copy[0x0d] = 3;
  const fileSystem = await openNtfs(new MemorySource(copy));
  expect(fileSystem.info().warnings.join()).toContain("boot sector");
  const outcome = judgeDamage(await walkFileSystem(fileSystem), intact);
  expect(outcome.kind, outcome.where).toBe("equal");
});
