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
import { damagedMtoolsListing, FAT_PACKAGES, mtool, mtoolsListing } from "../fat/mtools.ts";
import { sevenZipListing } from "../fat/seven-zip.ts";
import { walkFileSystem } from "../listing/file-system-walk.ts";
import type { Listing, ListingEntry, ListingField } from "../listing/listing-entry.ts";
import { contradictions, judgeDamage } from "./damage-outcome.ts";
import { type DamageSubject, entryPositions, flipImage, outcomeOf } from "./damaged-image.ts";
import { failEveryRead, shortenEveryRead } from "./faulty-reads.ts";
import type { Flip, Judgement } from "./flips.ts";

const CLUSTER = 512;
const SLOT = 32;

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
  const positions = await entryPositions(fileSystem, (node) => node * SLOT);
  const clusters = new Set(positions.map((position) => position - ((position - heapOffset) % CLUSTER)));
  const offsets = Array.from({ length: heapOffset }, (_, offset) => offset);
  for (const start of clusters) {
    if (start < heapOffset) continue;
    offsets.push(...Array.from({ length: CLUSTER }, (_, offset) => start + offset));
  }
  // What lies behind the last used entry of the table and the last used slot is empty and says little.
  return offsets.filter((offset) =>
    image.subarray(offset - (offset % SLOT), offset - (offset % SLOT) + 32).some((byte) => byte !== 0),
  );
}

/** What a copy on the host does not have, and sizes of directories. */
function ignored({ type }: ListingEntry): readonly ListingField[] {
  const never: readonly ListingField[] = ["node", "mode", "uid", "gid", "allocated", "links", "flags", "data"];
  const times: readonly ListingField[] = ["mtime", "atime", "ctime", "birthtime"];
  return type === "directory" ? [...never, ...times, "size"] : [...never, ...times];
}

/** Byte of a slot that says whether it is a piece of a long name. */
const ATTRIBUTES = 11;
const LONG_NAME = 0x0f;

/** Whether the flipped bit belongs to a piece of a long name. */
function isPiece(damaged: Uint8Array, { offset }: Flip): boolean {
  return ((damaged[offset - (offset % SLOT) + ATTRIBUTES] as number) & 0x3f) === LONG_NAME;
}

/** Whether it is one of the number's bits; bit 6 says that the piece is the last one. */
function isPieceNumber(damaged: Uint8Array, flip: Flip): boolean {
  return isPiece(damaged, flip) && flip.offset % SLOT === 0 && flip.bit !== 6;
}

/** mtools ends a short name at its first space; Linux, 7-Zip and vmfr at its last ones. */
function hasSpaceInShortName(damaged: Uint8Array, flip: Flip): boolean {
  const at = flip.offset;
  const within = at % SLOT;
  if (within >= SHORT_NAME_SIZE || isPiece(damaged, flip)) return false;
  return (within > 0 && damaged[at - 1] === 0x20) || damaged[at] === 0x20;
}

const IMPOSSIBLE_NUMBER = "mtools takes a long name's piece of an impossible number, for it looks at five bits of it";
const BYTES_OF_SHORT_NAMES =
  "mtools ends a short name at its first space, and 7-Zip shows its bytes without code page and beyond a zero";

/** mtools; where it is known to be wrong, 7-Zip. */
async function askReaders(damaged: Uint8Array, listing: Listing, flip: Flip): Promise<Judgement> {
  const file = path.join(home.path, "judged");
  writeFileSync(file, damaged);
  const withoutFlags = (entry: ListingEntry): readonly ListingField[] => [...ignored(entry), "flags"];
  if (hasSpaceInShortName(damaged, flip)) {
    const theirs = await sevenZipListing(file, "FAT");
    const differences = contradictions(listing, theirs, { ignore: withoutFlags });
    const byte = damaged[flip.offset] as number;
    return differences.length > 0 && (byte === 0 || byte >= 0x80) ? { exempt: BYTES_OF_SHORT_NAMES } : { differences };
  }
  const theirs = await mtoolsListing(file, 437).catch(() => undefined);
  if (theirs === undefined) {
    return { differences: contradictions(listing, await damagedMtoolsListing(file, 437), { ignore: withoutFlags }) };
  }
  const differences = contradictions(listing, theirs, { ignore: ignored });
  return differences.length > 0 && isPieceNumber(damaged, flip) ? { exempt: IMPOSSIBLE_NUMBER } : { differences };
}

beforeAll(() => requireDebianPackages(...FAT_PACKAGES, "7zip"));

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

  test("a flipped bit: the same answer, a named error, or another one that an independent reader gives, too", async () => {
    const counts = await flipImage(subject, askReaders);
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
