import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openNtfs } from "../../../src/disk/filesystem/ntfs/ntfs-file-system.ts";
import { MemorySource } from "../../../src/source/memory-source.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { temporaryDirectory } from "../../setup/scratch-directory.ts";
import { tally } from "../../setup/tally.ts";
import { walkFileSystem } from "../listing/file-system-walk.ts";
import type { Listing } from "../listing/listing-entry.ts";
import { walkDamagedReference } from "../listing/reference-walk.ts";
import { type ImageRecipe, makeImage, NTFS_PACKAGES } from "../ntfs/images.ts";
import { contradictionsToNtfs3g, ntfs3gListing } from "../ntfs/ntfs-3g-oracle.ts";
import { judgeDamage, showable } from "./damage-outcome.ts";
import { type DamageSubject, flipImage, outcomeOf } from "./damaged-image.ts";
import { failEveryRead, shortenEveryRead } from "./faulty-reads.ts";
import type { Judgement } from "./flips.ts";

const SECTOR = 512;
const RECORD = 1024;
const INDEX_BLOCK = 4096;

const RECIPE: ImageRecipe = {
  name: "small",
  size: 4,
  clusterSize: 512,
  parts: ["one_of_each"],
};

const home = temporaryDirectory();
afterAll(home.remove);

let subject: DamageSubject;

beforeAll(async () => {
  await requireDebianPackages(...NTFS_PACKAGES);
  const image = Uint8Array.from(readFileSync(await makeImage(RECIPE, home.path)));
  const intact = await walkFileSystem(await openNtfs(new MemorySource(image)));
  subject = { format: "NTFS", image, intact, metadata: metadataOffsets(image), open: (source) => openNtfs(source) };
});

/** Of all bytes in the boot sector, file records and index blocks. */
function metadataOffsets(image: Uint8Array): number[] {
  const offsets = Array.from({ length: SECTOR }, (_, at) => at);
  for (let start = 0; start < image.length; start += SECTOR) {
    const magic = Buffer.from(image.subarray(start, start + 4)).toString("latin1");
    const length = magic === "FILE" ? RECORD : magic === "INDX" ? INDEX_BLOCK : 0;
    for (let at = start; at < start + length; at++) offsets.push(at);
  }
  return offsets;
}

async function askNtfs3g(damaged: Uint8Array, listing: Listing): Promise<Judgement> {
  const file = path.join(home.path, "judged");
  writeFileSync(file, damaged);
  try {
    const theirs = await ntfs3gListing(file, walkDamagedReference);
    return { differences: contradictionsToNtfs3g(showable(listing), theirs) };
  } catch (error) {
    // Neither shows anything below a root directory that is refused.
    return listing.get("")?.contentError === undefined ? { refusal: String(error) } : { differences: [] };
  }
}

test("the intact image is as ntfs-3g shows it", async () => {
  expect(await askNtfs3g(subject.image, subject.intact)).toEqual({ differences: [] });
});

test("a flipped bit in metadata: the same answer, a named error, or another one that ntfs-3g gives, too", async () => {
  const counts = await flipImage(subject, askNtfs3g);
  expect(counts.named).toBeGreaterThan(0);
}, 36_000_000);

test("a sector of another time is a torn write, named for its record alone", async () => {
  let torn = 0;
  for (let start = 0; start < subject.image.length && torn < 60; start += SECTOR) {
    if (Buffer.from(subject.image.subarray(start, start + 4)).toString("latin1") !== "FILE") continue;
    const copy = Uint8Array.from(subject.image);
    const end = start + 2 * SECTOR - 1;
    copy[end] = (copy[end] as number) ^ 0x80;
    const outcome = await outcomeOf(subject, copy);
    expect(outcome.kind, `record at ${start}: ${outcome.where}`).not.toBe("different");
    torn++;
  }
  tally("NTFS torn MFT records: same answer or named error", torn);
});

test("the k-th read failing or short is named where it struck, and forgotten afterwards", async () => {
  const faults = {
    format: "NTFS",
    open: subject.open,
    outcome: async (fileSystem: Awaited<ReturnType<typeof openNtfs>>) =>
      judgeDamage(await walkFileSystem(fileSystem), subject.intact),
  };
  await failEveryRead(faults, subject.image);
  await shortenEveryRead(faults, subject.image, path.join(home.path, "shortened"));
});

test.each([0.001, 0.05, 0.3, 0.6, 0.95])("truncated to %d of its length", async (part) => {
  const length = Math.floor((subject.image.length * part) / SECTOR) * SECTOR;
  const outcome = await outcomeOf(subject, subject.image.subarray(0, length));
  expect(outcome.kind, outcome.where).not.toBe("different");
  tally("NTFS truncated images: same answer or named error", 1);
});

test("the first record damaged: its copy is used, and a warning says so", async () => {
  const copy = Uint8Array.from(subject.image);
  const geometry = Buffer.from(subject.image.buffer).readUInt32LE(0x30);
  copy.fill(0, geometry * RECIPE.clusterSize, geometry * RECIPE.clusterSize + RECORD);
  const fileSystem = await openNtfs(new MemorySource(copy));
  expect(fileSystem.info().warnings.join()).toContain("$MFTMirr");
  const outcome = judgeDamage(await walkFileSystem(fileSystem), subject.intact);
  expect(outcome.kind, outcome.where).toBe("equal");
});

test("the boot sector damaged: its copy is used, and a warning says so", async () => {
  const copy = Uint8Array.from(subject.image);
  copy[0x0d] = 3;
  const fileSystem = await openNtfs(new MemorySource(copy));
  expect(fileSystem.info().warnings.join()).toContain("boot sector");
  const outcome = judgeDamage(await walkFileSystem(fileSystem), subject.intact);
  expect(outcome.kind, outcome.where).toBe("equal");
});
