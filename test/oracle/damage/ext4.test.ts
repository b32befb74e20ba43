import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openExt4 } from "../../../src/disk/filesystem/ext4/ext4-file-system.ts";
import { MemorySource } from "../../../src/source/memory-source.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory, temporaryDirectory } from "../../setup/scratch-directory.ts";
import { tally } from "../../setup/tally.ts";
import { EXT4_PACKAGES, makeImage, tool } from "../ext4/images.ts";
import { walkFileSystem } from "../listing/file-system-walk.ts";
import { kernelListing } from "../listing/kernel-oracle.ts";
import type { Listing, ListingEntry, ListingField } from "../listing/listing-entry.ts";
import { walkDamagedReference } from "../listing/reference-walk.ts";
import { contradictions, judgeDamage, showable } from "./damage-outcome.ts";
import { type DamageSubject, flipImage, outcomeOf } from "./damaged-image.ts";
import { failEveryRead, shortenEveryRead } from "./faulty-reads.ts";
import type { Judgement } from "./flips.ts";

const BLOCK = 1024;
const SMALL = ["-b", String(BLOCK), "-N", "48"];

interface Recipe {
  readonly name: string;
  readonly mkfs: readonly string[];
  /** MiB. */
  readonly size: number;
  /** Whether metadata_csum covers all metadata. */
  readonly checksums?: boolean;
}

const WITH_CHECKSUMS: Recipe = {
  name: "ext4 with metadata_csum",
  mkfs: ["-t", "ext4", ...SMALL, "-O", "metadata_csum,^has_journal,^resize_inode"],
  size: 1,
  checksums: true,
};

const RECIPES: readonly Recipe[] = [
  WITH_CHECKSUMS,
  {
    name: "ext4 without metadata_csum",
    mkfs: ["-t", "ext4", ...SMALL, "-O", "^metadata_csum,^has_journal,^resize_inode"],
    size: 1,
  },
  { name: "ext3", mkfs: ["-t", "ext3", ...SMALL, "-J", "size=1", "-O", "^resize_inode"], size: 4 },
  { name: "ext2", mkfs: ["-t", "ext2", ...SMALL, "-I", "128", "-O", "^resize_inode"], size: 1 },
];

interface Subject extends DamageSubject {
  readonly file: string;
}

const home = temporaryDirectory();
afterAll(home.remove);

/** Offsets of all bytes that e2image takes for metadata: what its raw image holds and is not zero there. */
async function metadataOffsets(file: string): Promise<number[]> {
  const raw = `${file}.metadata`;
  await tool("e2image", "-r", file, raw);
  const bytes = readFileSync(raw);
  const offsets: number[] = [];
  for (let block = 0; block < bytes.length; block += BLOCK) {
    if (bytes.subarray(block, block + BLOCK).every((byte) => byte === 0)) continue;
    for (let offset = block; offset < block + BLOCK; offset++) offsets.push(offset);
  }
  return offsets;
}

/** Blocks of long link targets have no checksum in any version of the format. */
function withoutLinkTargets(image: Uint8Array, offsets: readonly number[]): number[] {
  const target = Buffer.from("long/long/");
  return offsets.filter((offset) => {
    const block = offset - (offset % BLOCK);
    return Buffer.compare(image.subarray(block, block + target.length), target) !== 0;
  });
}

async function makeSubject(recipe: Recipe): Promise<Subject> {
  const file = await makeImage({ ...recipe, blockSize: BLOCK, parts: ["one_of_each"] }, home.path);
  const image = Uint8Array.from(readFileSync(file));
  const offsets = await metadataOffsets(file);
  const intact = await walkFileSystem(await openExt4(new MemorySource(image)));
  expect([...intact.keys()].toSorted()).toEqual([...(await kernelListing(file)).keys()].toSorted());
  return {
    format: recipe.name,
    file,
    image,
    intact,
    metadata: recipe.checksums === true ? withoutLinkTargets(image, offsets) : offsets,
    open: (source) => openExt4(source),
  };
}

/** Little-endian word of the superblock's compatible features, and the bit in it that says that directories have an index. */
const COMPATIBLE_FEATURES = 1024 + 0x5c;
const DIR_INDEX = 0x20;

/** Once a file was read, by another of its names, the kernel takes its unwritten extents for data. */
const readTwice = ({ type, links }: ListingEntry): readonly ListingField[] =>
  type === "file" && links > 1 ? ["data"] : [];

/** Without the feature, which is only for speed: through the index it leaves names out silently that have another hash now. */
async function askKernel(damaged: Uint8Array, listing: Listing): Promise<Judgement> {
  const file = path.join(home.path, "judged");
  const copy = Uint8Array.from(damaged);
  copy[COMPATIBLE_FEATURES] = (copy[COMPATIBLE_FEATURES] as number) & ~DIR_INDEX;
  writeFileSync(file, copy);
  let reference: Listing;
  try {
    reference = await kernelListing(file, "ro", walkDamagedReference);
  } catch (error) {
    return { refusal: String(error) };
  }
  return { differences: contradictions(showable(listing), reference, { ignore: readTwice }) };
}

beforeAll(() => requireDebianPackages(...EXT4_PACKAGES));

describe.each(RECIPES)("$name", (recipe) => {
  let subject: Subject;

  beforeAll(async () => {
    subject = await makeSubject(recipe);
  });

  test("a flipped bit in metadata: the same answer, a named error, or where nothing can tell the kernel's", async () => {
    const counts = await flipImage(subject, recipe.checksums === true ? undefined : askKernel);
    if (recipe.checksums === true) expect(counts.named).toBeGreaterThan(50);
  }, 36_000_000);

  test("the k-th read failing or short is named where it struck, and forgotten afterwards", async () => {
    const faults = {
      format: recipe.name,
      open: subject.open,
      outcome: async (fileSystem: Awaited<ReturnType<typeof openExt4>>) =>
        judgeDamage(await walkFileSystem(fileSystem), subject.intact),
    };
    await failEveryRead(faults, subject.image);
    await shortenEveryRead(faults, subject.image, path.join(home.path, "shortened"));
  });

  test.each([0.05, 0.3, 0.6, 0.95])("truncated to %d of its length", async (part) => {
    const length = Math.floor((subject.image.length * part) / 512) * 512;
    const outcome = await outcomeOf(subject, subject.image.subarray(0, length));
    expect(outcome.kind, outcome.where).not.toBe("different");
    tally("ext truncated images: the same files or a named error", 1);
  });
});

describe("with checksums", () => {
  let subject: Subject;

  beforeAll(async () => {
    subject = await makeSubject(WITH_CHECKSUMS);
  });

  function copyOfImage(): string {
    const file = path.join(scratchDirectory(), "image");
    writeFileSync(file, subject.image);
    return file;
  }

  test("a damaged inode is named, and its neighbours are served", async () => {
    const located = await tool("debugfs", "-R", "imap /each/comb", copyOfImage());
    const place = /Inode (\d+) is part of block group \d+\s+located at block (\d+), offset 0x([0-9a-f]+)/.exec(located);
    const [, node, block, offset = ""] = place ?? expect.fail(located);
    const copy = Uint8Array.from(subject.image);
    const at = Number(block) * BLOCK + Number.parseInt(offset, 16) + 4;
    copy[at] = (copy[at] as number) ^ 1;
    const fileSystem = await openExt4(new MemorySource(copy));
    await expect(fileSystem.stat(Number(node))).rejects.toThrow(new RegExp(`inode ${node}\\b`));
    const listing = await walkFileSystem(fileSystem);
    const refused = [...listing.values()].filter((entry) => entry.contentError !== undefined);
    expect(refused.map((entry) => entry.path)).toEqual([Buffer.from("each/comb").toString("hex")]);
  });

  test("a directory that contains itself is listed, and walking it ends", async () => {
    const file = copyOfImage();
    await tool("debugfs", "-w", "-R", "link /each /each/loop", file);
    const listing = await walkFileSystem(await openExt4(new MemorySource(Uint8Array.from(readFileSync(file)))));
    const loops = [...listing.values()].filter((entry) => Buffer.from(entry.path, "hex").toString().endsWith("/loop"));
    expect(loops.length).toBeGreaterThan(0);
    const known = new Map([...listing].filter(([at]) => subject.intact.has(at)));
    expect(judgeDamage(known, subject.intact).kind).not.toBe("different");
  });
});
