import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openExfat } from "../../../src/disk/filesystem/exfat/exfat-file-system.ts";
import { placeOf } from "../../../src/disk/filesystem/exfat/node.ts";
import { MemorySource } from "../../../src/source/memory-source.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { runTool } from "../../setup/run-tool.ts";
import { temporaryDirectory } from "../../setup/scratch-directory.ts";
import { tally } from "../../setup/tally.ts";
import { exfatFuseListing, unknownToExfatFuse } from "../exfat/exfat-fuse-oracle.ts";
import { EXFAT_PACKAGES, withExfatMount } from "../exfat/images.ts";
import { walkFileSystem } from "../listing/file-system-walk.ts";
import type { Listing } from "../listing/listing-entry.ts";
import { contradictions, judgeDamage } from "./damage-outcome.ts";
import { type DamageSubject, entryPositions, flipImage, outcomeOf } from "./damaged-image.ts";
import { failEveryRead, shortenEveryRead } from "./faulty-reads.ts";
import type { Flip, Judgement } from "./flips.ts";

const SECTOR = 512;
const SLOT = 32;
const BOOT_REGIONS = 24 * SECTOR;

const home = temporaryDirectory();
afterAll(home.remove);

let subject: DamageSubject;
let table: { start: number; end: number };

/** 1 MiB with clusters of 512 bytes: contiguous files, a file in pieces, two levels of directories. */
async function makeImage(directory: string): Promise<Uint8Array> {
  const image = path.join(directory, "image");
  writeFileSync(image, "");
  truncateSync(image, 1024 * 1024);
  await runTool("mkfs.exfat", ["-c", "512", "-b", "4K", image]);
  await withExfatMount(image, "rw", SECTOR, (root) => {
    const put = (name: string, size: number) => writeFileSync(path.join(root, name), Buffer.alloc(size, name));
    mkdirSync(path.join(root, "sub", "inner directory"), { recursive: true });
    put("empty", 0);
    for (let index = 0; index < 12; index++) put(`gap ${index}`, SECTOR);
    for (let index = 0; index < 12; index += 2) rmSync(path.join(root, `gap ${index}`));
    put("sub/several.bin", 9000);
    put("sub/inner directory/a name of more than thirty characters.txt", 700);
  });
  return Uint8Array.from(readFileSync(image));
}

/** Both boot regions, the table as far as it is used, and the clusters of directories. */
async function metadataOffsets(image: Uint8Array): Promise<number[]> {
  const fileSystem = await openExfat(new MemorySource(image));
  const positions = await entryPositions(fileSystem, (node) => placeOf(node).position);
  const sectors = new Set(positions.map((position) => position - (position % SECTOR)));
  const offsets = Array.from({ length: BOOT_REGIONS }, (_, offset) => offset);
  for (let offset = table.start; offset < table.end; offset++) offsets.push(offset);
  for (const start of sectors) offsets.push(...Array.from({ length: SECTOR }, (_, offset) => start + offset));
  return offsets.filter((offset) =>
    image.subarray(offset - (offset % SLOT), offset - (offset % SLOT) + SLOT).some((byte) => byte !== 0),
  );
}

beforeAll(async () => {
  await requireDebianPackages(...EXFAT_PACKAGES);
  const image = await makeImage(home.path);
  const view = Buffer.from(image);
  const start = view.readUInt32LE(80) * SECTOR;
  table = { start, end: start + view.readUInt32LE(84) * SECTOR };
  const intact = await walkFileSystem(await openExfat(new MemorySource(image)));
  subject = {
    format: "exFAT",
    image,
    intact,
    open: (source) => openExfat(source),
    metadata: await metadataOffsets(image),
  };
});

/** Of type bytes, the bit that says that a slot is in use. */
const IN_USE = 0x80;

/** Only the allocation table has no checksum, and slots that are not in use: their type can become the directory's end. */
function isChecked(offset: number): boolean {
  if (offset < BOOT_REGIONS) return true;
  if (offset >= table.start && offset < table.end) return false;
  return ((subject.image[offset - (offset % SLOT)] as number) & IN_USE) !== 0;
}

const LOOKS_BEHIND_THE_END =
  "exfat-fuse looks behind a slot that the specification and Linux take for the directory's end";

async function askExfatFuse(damaged: Uint8Array, listing: Listing, { offset }: Flip): Promise<Judgement> {
  if (offset >= table.end && offset % SLOT === 0 && damaged[offset] === 0) return { exempt: LOOKS_BEHIND_THE_END };
  if (isChecked(offset)) return { differences: ["a checksum covers this byte"] };
  const file = path.join(home.path, "judged");
  writeFileSync(file, damaged);
  try {
    const theirs = await exfatFuseListing(file, SECTOR);
    return { differences: contradictions(listing, theirs, { ignore: unknownToExfatFuse }) };
  } catch (error) {
    return { refusal: String(error) };
  }
}

test("a flipped bit: the same answer, a named error, or where no checksum is exfat-fuse's", async () => {
  const counts = await flipImage(subject, askExfatFuse);
  expect(counts.named).toBeGreaterThan(0);
}, 36_000_000);

test("the k-th read failing or short is named where it struck, and forgotten afterwards", async () => {
  const faults = {
    format: "exFAT",
    open: subject.open,
    outcome: async (fileSystem: Awaited<ReturnType<typeof openExfat>>) =>
      judgeDamage(await walkFileSystem(fileSystem), subject.intact),
  };
  await failEveryRead(faults, subject.image);
  await shortenEveryRead(faults, subject.image, path.join(home.path, "shortened"));
});

test.each([0.0001, 0.005, 0.01, 0.02])("truncated to %d of its length", async (part) => {
  const outcome = await outcomeOf(subject, subject.image.subarray(0, Math.floor(subject.image.length * part)));
  expect(outcome.kind, outcome.where).toBe("named error");
  tally("exFAT truncated images: named error", 1);
});
