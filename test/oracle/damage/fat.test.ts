import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseBootSector } from "../../../src/disk/filesystem/fat/boot-sector.ts";
import { openFat } from "../../../src/disk/filesystem/fat/fat-file-system.ts";
import { SHORT_NAME_SIZE } from "../../../src/disk/filesystem/fat/short-name.ts";
import { MemorySource } from "../../../src/source/memory-source.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { runTool } from "../../setup/run-tool.ts";
import { temporaryDirectory } from "../../setup/scratch-directory.ts";
import { tally } from "../../setup/tally.ts";
import { FAT_PACKAGES, mtool, mtoolsListing } from "../fat/mtools.ts";
import { walkFileSystem } from "../listing/file-system-walk.ts";
import type { Listing, ListingEntry, ListingField } from "../listing/listing-entry.ts";
import { contradictions, judgeDamage } from "./damage-outcome.ts";
import { type DamageSubject, entryPositions, flipImage, outcomeOf } from "./damaged-image.ts";
import { failEveryRead, shortenEveryRead } from "./faulty-reads.ts";
import type { Flip, Judgement } from "./flips.ts";

const CLUSTER = 512;
const SLASH = 0x2f;

const RECIPES = [
  // KiB; with clusters of one sector these are the smallest sizes of their kind.
  { bits: "12", size: 360 },
  { bits: "16", size: 4 * 1024 },
  { bits: "32", size: 33 * 1024 },
] as const;

const home = temporaryDirectory();
afterAll(home.remove);

/** Files of one and of several clusters, long names, two levels of directories. */
async function makeImage(bits: string, size: number): Promise<Uint8Array> {
  const image = path.join(home.path, `fat${bits}`);
  writeFileSync(image, "");
  truncateSync(image, size * 1024);
  await runTool("mkfs.fat", ["-F", bits, "-s", "1", "-a", image]);
  const put = async (name: string, length: number) => {
    const file = path.join(home.path, "content");
    writeFileSync(file, Buffer.alloc(length, name));
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
  return offsets.filter((offset) =>
    image.subarray(offset - (offset % 32), offset - (offset % 32) + 32).some((byte) => byte !== 0),
  );
}

/** What a copy on the host does not have, and sizes of directories. */
function ignored({ type }: ListingEntry): readonly ListingField[] {
  const never: readonly ListingField[] = ["node", "mode", "uid", "gid", "allocated", "links", "flags", "data"];
  const times: readonly ListingField[] = ["mtime", "atime", "ctime", "birthtime"];
  return type === "directory" ? [...never, ...times, "size"] : [...never, ...times];
}

/**
 * Of the number of a long name's piece, mtools looks at five bits; Linux and vmfr take an impossible one for damage.
 * mtools ends a short name at its first space, Linux and vmfr at its last ones. A name with a slash in it is no name
 * for the folder that mtools copies to.
 */
function isJudgedOtherwise(damaged: Uint8Array, { offset, bit }: Flip): boolean {
  const within = offset % 32;
  if (damaged[offset] === SLASH) return true;
  if (within === 0) return bit === 5 || bit === 7;
  return within < SHORT_NAME_SIZE && (damaged[offset - 1] === 0x20 || damaged[offset] === 0x20);
}

async function askMtools(damaged: Uint8Array, listing: Listing, flip: Flip): Promise<Judgement> {
  if (isJudgedOtherwise(damaged, flip)) return "unfit";
  const file = path.join(home.path, "judged");
  writeFileSync(file, damaged);
  const theirs = await mtoolsListing(file, 437).catch(() => undefined);
  return theirs === undefined ? "refuses" : { differences: contradictions(listing, theirs, { ignore: ignored }) };
}

beforeAll(() => requireDebianPackages(...FAT_PACKAGES));

describe.each(RECIPES)("FAT$bits", ({ bits, size }) => {
  const format = `FAT${bits}`;
  let subject: DamageSubject;

  beforeAll(async () => {
    const image = await makeImage(bits, size);
    const fileSystem = await openFat(new MemorySource(image));
    expect(fileSystem.info().features).toContain(`fat${bits}`);
    const intact = await walkFileSystem(fileSystem);
    subject = { format, image, intact, open: (source) => openFat(source), metadata: await metadataOffsets(image) };
  });

  test("a flipped bit: the same answer, a named error, or another one that mtools gives, too", async () => {
    const counts = await flipImage(subject, askMtools);
    expect(counts.named).toBeGreaterThan(0);
  }, 36_000_000);

  test("the k-th read failing or short is named where it struck, and forgotten afterwards", async () => {
    const faults = {
      format,
      open: subject.open,
      outcome: async (fileSystem: Awaited<ReturnType<typeof openFat>>) =>
        judgeDamage(await walkFileSystem(fileSystem), subject.intact),
    };
    await failEveryRead(faults, subject.image);
    await shortenEveryRead(faults, subject.image, path.join(home.path, "shortened"));
  });

  test.each([0.001, 0.01, 0.02, 0.05, 0.6])("truncated to %d of its length", async (part) => {
    const outcome = await outcomeOf(subject, subject.image.subarray(0, Math.floor(subject.image.length * part)));
    expect(outcome.kind, outcome.where).not.toBe("different");
    tally("FAT truncated images: the same files or a named error", 1);
  });
});
