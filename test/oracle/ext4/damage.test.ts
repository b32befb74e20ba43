import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { openExt4 } from "../../../src/disk/filesystem/ext4/ext4-file-system.ts";
import type { FileSystem } from "../../../src/disk/filesystem/file-system.ts";
import { SourceError, VmfrError } from "../../../src/errors.ts";
import type { ByteSource } from "../../../src/source/byte-source.ts";
import { MemorySource } from "../../../src/source/memory-source.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { tally } from "../../setup/tally.ts";
import { type DamageOutcome, judgeDamage } from "../damage/damage-outcome.ts";
import { FailingSource } from "../damage/failing-source.ts";
import { randomNumbers } from "../damage/random-numbers.ts";
import { walkFileSystem } from "../listing/file-system-walk.ts";
import { kernelListing } from "../listing/kernel-oracle.ts";
import type { Listing } from "../listing/listing-entry.ts";
import { EXT4_PACKAGES, makeImage, tool } from "./images.ts";
import type { ImageRecipe } from "./recipes.ts";

/** Seconds a normal run may spend on flips; VMFR_EXHAUSTIVE=1 flips every metadata byte. */
const FLIP_SECONDS = 30;
const READ_SECONDS = 10;
const exhaustive = process.env["VMFR_EXHAUSTIVE"] === "1";

const RECIPE: ImageRecipe = {
  name: "small, metadata_csum",
  mkfs: ["-t", "ext4", "-b", "1024", "-N", "256", "-O", "metadata_csum,^has_journal,^resize_inode"],
  size: 12,
  blockSize: 1024,
  // Nothing with symlinks of 60 bytes and more: the format has no checksum over their blocks.
  parts: ["tiny", "xattrs", "special", "fragmented"],
};

let image: Uint8Array;
let intact: Listing;
let metadata: readonly number[];

/** Offsets of all bytes that e2image takes for metadata: what its raw image holds and is not zero there. */
async function metadataOffsets(file: string, directory: string): Promise<number[]> {
  const raw = path.join(directory, "metadata-only");
  await tool("e2image", "-r", file, raw);
  const bytes = readFileSync(raw);
  const offsets: number[] = [];
  for (let block = 0; block < bytes.length; block += RECIPE.blockSize) {
    if (bytes.subarray(block, block + RECIPE.blockSize).every((byte) => byte === 0)) continue;
    for (let offset = block; offset < block + RECIPE.blockSize; offset++) offsets.push(offset);
  }
  return offsets;
}

beforeAll(async () => {
  await requireDebianPackages(...EXT4_PACKAGES);
  const directory = mkdtempSync(path.join(tmpdir(), "vmfr-test-"));
  try {
    const file = await makeImage(RECIPE, directory);
    image = Uint8Array.from(readFileSync(file));
    metadata = await metadataOffsets(file, directory);
    intact = await walkFileSystem(await openExt4(new MemorySource(image)));
    const kernel = await kernelListing(file);
    expect([...intact.keys()].toSorted()).toEqual([...kernel.keys()].toSorted());
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

async function outcomeOf(source: ByteSource): Promise<DamageOutcome> {
  let fileSystem: FileSystem;
  try {
    fileSystem = await openExt4(source);
  } catch (error) {
    if (error instanceof VmfrError) return { kind: "named error", where: error.message };
    throw error;
  }
  return judgeDamage(await walkFileSystem(fileSystem), intact);
}

test("a flipped bit in metadata: the same answer or a named error, never another answer", async () => {
  const random = randomNumbers(4);
  const counts = { equal: 0, "named error": 0 };
  const copy = Uint8Array.from(image);
  const until = Date.now() + FLIP_SECONDS * 1000;
  for (let index = 0; exhaustive ? index < metadata.length : Date.now() < until; index++) {
    const at = exhaustive ? index : Math.floor(random() * metadata.length);
    const offset = metadata[at] as number;
    const before = copy[offset] as number;
    copy[offset] = before ^ (1 << Math.floor(random() * 8));
    const outcome = await outcomeOf(new MemorySource(copy));
    copy[offset] = before;
    if (outcome.kind === "different") throw new Error(`byte ${offset} flipped: ${outcome.where}`);
    counts[outcome.kind]++;
  }
  expect(counts["named error"]).toBeGreaterThan(50);
  tally("ext4 flipped metadata bytes: same answer", counts.equal);
  tally("ext4 flipped metadata bytes: named error", counts["named error"]);
}, 3_600_000);

test("the k-th read failing is named where it struck, and forgotten afterwards", async () => {
  const random = randomNumbers(5);
  let tried = 0;
  let reads = 4000;
  const until = Date.now() + READ_SECONDS * 1000;
  for (let index = 0; index < reads && Date.now() < until; index++) {
    const failing = index < 40 || exhaustive ? index : Math.floor(random() * reads);
    const source = new FailingSource(new MemorySource(image), failing);
    let fileSystem: FileSystem;
    try {
      fileSystem = await openExt4(source);
    } catch (error) {
      expect(error).toBeInstanceOf(SourceError);
      fileSystem = await openExt4(source);
    }
    const first = judgeDamage(await walkFileSystem(fileSystem), intact);
    if (first.kind === "different") throw new Error(`read ${failing} failed: ${first.where}`);
    if (!source.failed) {
      reads = Math.min(reads, failing);
      continue;
    }
    const again = judgeDamage(await walkFileSystem(fileSystem), intact);
    if (again.kind !== "equal") throw new Error(`read ${failing} failed, and later: ${again.where}`);
    tried++;
  }
  expect(tried).toBeGreaterThan(20);
  tally("ext4 k-th read failed: named, and right again afterwards", tried);
});

describe("truncated", () => {
  test.each([0.05, 0.3, 0.6, 0.95])("to %d of its length", async (part) => {
    const length = Math.floor((image.length * part) / 512) * 512;
    const outcome = await outcomeOf(new MemorySource(image.subarray(0, length)));
    expect(outcome.kind, outcome.where).toBe("named error");
    tally("ext4 truncated images: named error", 1);
  });
});

test("a damaged inode is named, and its neighbours are served", async () => {
  const directory = scratchDirectory();
  const file = path.join(directory, "image");
  writeFileSync(file, image);
  const located = await tool("debugfs", "-R", "imap /tiny/file-100", file);
  const [, node, block, offset] =
    /Inode (\d+) is part of block group \d+\s+located at block (\d+), offset 0x([0-9a-f]+)/.exec(
      located,
    ) as RegExpExecArray;
  const copy = Uint8Array.from(image);
  const at = Number(block) * RECIPE.blockSize + Number.parseInt(offset as string, 16) + 4;
  copy[at] = (copy[at] as number) ^ 1;
  const fileSystem = await openExt4(new MemorySource(copy));
  await expect(fileSystem.stat(Number(node))).rejects.toThrow(new RegExp(`inode ${node}\\b`));
  const listing = await walkFileSystem(fileSystem);
  const refused = [...listing.values()].filter((entry) => entry.contentError !== undefined);
  expect(refused.map((entry) => entry.path)).toEqual([Buffer.from("tiny/file-100").toString("hex")]);
});

test("a directory that contains itself is listed, and walking it ends", async () => {
  const directory = scratchDirectory();
  const file = path.join(directory, "image");
  writeFileSync(file, image);
  await tool("debugfs", "-w", "-R", "link /special /special/loop", file);
  const fileSystem = await openExt4(new MemorySource(Uint8Array.from(readFileSync(file))));
  const listing = await walkFileSystem(fileSystem);
  const loops = [...listing.values()].filter((entry) => Buffer.from(entry.path, "hex").toString().endsWith("/loop"));
  expect(loops.length).toBeGreaterThan(0);
  expect(judgeDamage(new Map([...listing].filter(([at]) => intact.has(at))), intact).kind).not.toBe("different");
});
