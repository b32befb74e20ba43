import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { parseBootSector } from "../../../src/disk/filesystem/fat/boot-sector.ts";
import { openFat } from "../../../src/disk/filesystem/fat/fat-file-system.ts";
import { MemorySource } from "../../../src/source/memory-source.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { runTool } from "../../setup/run-tool.ts";
import { tally } from "../../setup/tally.ts";
import {
  type DamageSubject,
  entryPositions,
  type Flip,
  failReads,
  flipBits,
  readDamaged,
} from "../damage/damaged-image.ts";
import { compareListings } from "../listing/compare-listings.ts";
import { walkFileSystem } from "../listing/file-system-walk.ts";
import type { Listing, ListingEntry, ListingField } from "../listing/listing-entry.ts";
import { FAT_PACKAGES, mtool, mtoolsListing } from "./mtools.ts";

/** Seconds a normal run may spend on flips. */
const FLIP_SECONDS = 25;
const CLUSTER = 512;

let subject: DamageSubject;

/** 360 KiB: files of one and of several clusters, long names, two levels of directories. */
async function makeImage(directory: string): Promise<Uint8Array> {
  const image = path.join(directory, "image");
  writeFileSync(image, Buffer.alloc(360 * 1024));
  await runTool("mkfs.fat", ["-F", "12", "-s", "1", "-a", image]);
  const put = async (name: string, size: number) => {
    const file = path.join(directory, "content");
    writeFileSync(file, Buffer.alloc(size, name));
    await mtool("mcopy", image, 437, "-m", file, `::${name}`);
  };
  await mtool("mmd", image, 437, "::sub", "::sub/inner directory");
  await put("EMPTY", 0);
  await put("one cluster of a long name.txt", 300);
  await put("sub/several.bin", 9000);
  await put("sub/inner directory/deep down.bin", 5000);
  await put("AFTER.BIN", 2000);
  return Uint8Array.from(readFileSync(image));
}

/** All in front of the files, and the clusters of directories. */
async function metadataOffsets(image: Uint8Array): Promise<number[]> {
  const { heapOffset } = parseBootSector(image.subarray(0, 512), 0);
  const fileSystem = await openFat(new MemorySource(image));
  const positions = await entryPositions(fileSystem, (node) => node * 32);
  const clusters = new Set(positions.map((position) => position - ((position - heapOffset) % CLUSTER)));
  const offsets = Array.from({ length: heapOffset }, (_, offset) => offset);
  for (const start of clusters) {
    if (start < heapOffset) continue;
    offsets.push(...Array.from({ length: CLUSTER }, (_, offset) => start + offset));
  }
  // What lies behind the last used entry of the table and the last used slot is empty and says little.
  return offsets.filter((offset) => image.subarray(offset & ~31, (offset & ~31) + 32).some((byte) => byte !== 0));
}

beforeAll(async () => {
  await requireDebianPackages(...FAT_PACKAGES);
  const directory = mkdtempSync(path.join(tmpdir(), "vmfr-test-"));
  try {
    const image = await makeImage(directory);
    const intact = await walkFileSystem(await openFat(new MemorySource(image)));
    subject = { image, intact, open: (source) => openFat(source), metadata: await metadataOffsets(image) };
  } finally {
    rmSync(directory, { recursive: true });
  }
});

/** Of the other answers, so many are held against mtools'. */
const MOST_JUDGED = 60;

/** What a copy on the host does not have, and sizes of directories. */
function ignored({ type }: ListingEntry): readonly ListingField[] {
  const never: readonly ListingField[] = ["node", "mode", "uid", "gid", "allocated", "links", "flags", "data"];
  const times: readonly ListingField[] = ["mtime", "atime", "ctime", "birthtime"];
  return type === "directory" ? [...never, ...times, "size"] : [...never, ...times];
}

/** What differs where vmfr does not refuse; nothing when mtools refuses the image as a whole. */
async function differencesFromMtools(file: string, listing: Listing): Promise<readonly string[]> {
  const theirs = await mtoolsListing(file, 437).catch(() => undefined);
  if (theirs === undefined) return [];
  const refused = [...listing].filter(([, entry]) => entry.contentError !== undefined).map(([at]) => at);
  const isRefused = (at: string) =>
    refused.some((path) => at === path || at.startsWith(path === "" ? "" : `${path}2f`));
  const judged = (entries: Listing): Listing => new Map([...entries].filter(([at]) => !isRefused(at)));
  return compareListings(judged(listing), judged(theirs), { ignore: ignored }).differences;
}

/** Of the number of a long name's piece, mtools looks at five bits; Linux and vmfr take an impossible one for damage. */
function isJudgedOtherwise({ offset, bit }: Flip): boolean {
  return offset % 32 === 0 && (bit === 5 || bit === 7);
}

test("a flipped bit: the same answer, a named error, or another one that mtools gives, too", async () => {
  const directory = mkdtempSync(path.join(tmpdir(), "vmfr-test-"));
  const file = path.join(directory, "image");
  let judged = 0;
  try {
    const counts = await flipBits(subject, FLIP_SECONDS, async (damaged, listing, flip) => {
      if (judged === MOST_JUDGED || isJudgedOtherwise(flip)) return;
      writeFileSync(file, damaged);
      expect(await differencesFromMtools(file, listing), flip.what).toEqual([]);
      judged++;
    });
    expect(counts.named).toBeGreaterThan(10);
    tally("FAT flipped bits: same answer", counts.equal);
    tally("FAT flipped bits: named error", counts.named);
    tally("FAT flipped bits: another answer, which no checksum tells", counts.different);
    tally("FAT flipped bits: the other answer is mtools', or mtools refuses", judged);
  } finally {
    rmSync(directory, { recursive: true });
  }
}, 3_600_000);

test("the k-th read failing is named where it struck, and forgotten afterwards", async () => {
  const tried = await failReads(subject);
  expect(tried).toBeGreaterThan(5);
  tally("FAT k-th read failed: named, and right again afterwards", tried);
});

describe("truncated", () => {
  test.each([0.001, 0.01, 0.02, 0.05])("to %d of its length", async (part) => {
    const length = Math.floor(subject.image.length * part);
    const { outcome } = await readDamaged(subject, new MemorySource(subject.image.subarray(0, length)));
    expect(outcome.kind, outcome.where).toBe("named error");
    tally("FAT truncated images: named error", 1);
  });
});
