import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import type { FileSystem } from "../../../src/disk/filesystem/file-system.ts";
import { openXfs } from "../../../src/disk/filesystem/xfs/xfs-file-system.ts";
import { SourceError } from "../../../src/errors.ts";
import type { ByteSource } from "../../../src/source/byte-source.ts";
import { MemorySource } from "../../../src/source/memory-source.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { tally } from "../../setup/tally.ts";
import { judgeDamage } from "../damage/damage-outcome.ts";
import { flipBits, readDamaged } from "../damage/damaged-image.ts";
import { FailingSource } from "../damage/failing-source.ts";
import { randomNumbers } from "../damage/random-numbers.ts";
import { walkFileSystem } from "../listing/file-system-walk.ts";
import { kernelListing } from "../listing/kernel-oracle.ts";
import type { Listing } from "../listing/listing-entry.ts";
import { dirtyCopies } from "./dirty-images.ts";
import { makeImage, tool, XFS_PACKAGES } from "./images.ts";
import type { ImageRecipe } from "./recipes.ts";

/** Seconds a normal run may spend on each kind of damage; VMFR_EXHAUSTIVE=1 flips every metadata byte. */
const FLIP_SECONDS = 20;
const LOG_SECONDS = 15;
const READ_SECONDS = 6;
const exhaustive = process.env["VMFR_EXHAUSTIVE"] === "1";

const RECIPE: ImageRecipe = {
  name: "small, version 5",
  mkfs: ["-b", "size=1024", "-d", "agcount=2"],
  size: 34,
  blockSize: 1024,
  parts: ["tiny", "xattrs", "special", "links", "fragmented", "several"],
};

let image: Uint8Array;
let intact: Listing;
/** Offsets of the bytes that checksums cover. */
let metadata: readonly number[];
let dirty: { image: Uint8Array; intact: Listing; log: { start: number; length: number } };

const read = (file: string): Uint8Array => Uint8Array.from(readFileSync(file));

/** Blocks that begin as version 5 metadata does; the log, which has no checksum over what is not in use, is left out. */
function metadataOffsets(bytes: Uint8Array, log: { start: number; length: number }): number[] {
  const text = (at: number) => Buffer.from(bytes.subarray(at, at + 4)).toString("latin1");
  const starts = ["XFSB", "XDB3", "XDD3", "XSLM", "XARM", "BMA3"];
  const treeMagics = [0x3bee, 0x3ebe, 0x3df1, 0x3dff];
  const offsets: number[] = [];
  for (let block = 0; block < bytes.length; block += RECIPE.blockSize) {
    if (block >= log.start && block < log.start + log.length) continue;
    const isInodes = text(block).startsWith("IN") && (bytes[block + 4] as number) === 3;
    const isTree = treeMagics.includes(((bytes[block + 8] as number) << 8) | (bytes[block + 9] as number));
    if (!isInodes && !isTree && !starts.includes(text(block))) continue;
    // Of the superblock's block, the first sector alone.
    const length = text(block) === "XFSB" ? 512 : RECIPE.blockSize;
    for (let offset = block; offset < block + length; offset++) offsets.push(offset);
  }
  return offsets;
}

async function logPlace(file: string): Promise<{ start: number; length: number }> {
  const shown = await tool(
    "xfs_db",
    "-r",
    "-c",
    "sb 0",
    "-c",
    "print logstart logblocks",
    "-c",
    "convert fsblock $(logstart) byte",
    file,
  ).catch(() => "");
  const field = (name: string) => Number(new RegExp(`${name} = (\\d+)`).exec(shown)?.[1]);
  const block = field("logstart");
  const place = await tool("xfs_db", "-r", "-c", `convert fsblock ${block} byte`, file);
  return { start: Number(/\((\d+)\)/.exec(place)?.[1]), length: field("logblocks") * RECIPE.blockSize };
}

beforeAll(async () => {
  await requireDebianPackages(...XFS_PACKAGES);
  const directory = execFileSync("mktemp", ["-d"], { encoding: "utf8" }).trim();
  try {
    const file = await makeImage(RECIPE, directory);
    image = read(file);
    metadata = metadataOffsets(image, await logPlace(file));
    intact = await walkFileSystem(await openXfs(new MemorySource(image)));
    expect([...intact.keys()].toSorted()).toEqual([...(await kernelListing(file)).keys()].toSorted());
    const recipe = { name: "busy", mkfs: RECIPE.mkfs, size: 34, workload: "directories" } as const;
    const copy = (await dirtyCopies(recipe, directory, 2)).at(-1) ?? "";
    const replayed = await openXfs(new MemorySource(read(copy)));
    expect(replayed.info().consistency.state).toBe("replayed");
    dirty = { image: read(copy), intact: await walkFileSystem(replayed), log: await logPlace(copy) };
  } finally {
    execFileSync("rm", ["-rf", directory]);
  }
});

const subject = () => ({ image, intact, metadata, open: (source: ByteSource) => openXfs(source) });

test("a flipped bit in metadata: the same answer or a named error, never another answer", async () => {
  const counts = await flipBits(subject(), FLIP_SECONDS, async (_damaged, _listing, { what }) => {
    throw new Error(what);
  });
  expect(counts.named).toBeGreaterThan(20);
  tally("xfs flipped metadata bytes: same answer", counts.equal);
  tally("xfs flipped metadata bytes: named error", counts.named);
}, 3_600_000);

test("a flipped bit in the log: replayed the same, up to there, or the raw view with the reason", async () => {
  const random = randomNumbers(7);
  const counts = { same: 0, shorter: 0, raw: 0 };
  const copy = Uint8Array.from(dirty.image);
  const until = Date.now() + LOG_SECONDS * 1000;
  while (Date.now() < until) {
    const offset = dirty.log.start + Math.floor(random() * dirty.log.length);
    const before = copy[offset] as number;
    copy[offset] = before ^ (1 << Math.floor(random() * 8));
    const fileSystem = await openXfs(new MemorySource(copy));
    const { state, detail } = fileSystem.info().consistency;
    const listing = await walkFileSystem(fileSystem);
    copy[offset] = before;
    if (state === "raw") {
      expect(detail).toMatch(/raw view: xfs log/);
      counts.raw++;
    } else counts[judgeDamage(listing, dirty.intact).kind === "equal" ? "same" : "shorter"]++;
  }
  expect(counts.same).toBeGreaterThan(0);
  tally("xfs flipped log bytes: the same files", counts.same);
  tally("xfs flipped log bytes: the log ends there, as after a torn write", counts.shorter);
  tally("xfs flipped log bytes: raw view with the reason", counts.raw);
});

test.each(["clean", "dirty"] as const)(
  "the k-th read of a %s image failing is named where it struck, and forgotten afterwards",
  async (kind) => {
    const bytes = kind === "clean" ? image : dirty.image;
    const expected = kind === "clean" ? intact : dirty.intact;
    const random = randomNumbers(8);
    let tried = 0;
    let reads = 4000;
    const until = Date.now() + READ_SECONDS * 1000;
    for (let index = 0; index < reads && Date.now() < until; index++) {
      const failing = index < 40 || exhaustive ? index : Math.floor(random() * reads);
      const source = new FailingSource(new MemorySource(bytes), failing);
      let fileSystem: FileSystem;
      try {
        fileSystem = await openXfs(source);
      } catch (error) {
        expect(error).toBeInstanceOf(SourceError);
        fileSystem = await openXfs(source);
      }
      const first = judgeDamage(await walkFileSystem(fileSystem), expected);
      if (first.kind === "different") throw new Error(`read ${failing} failed: ${first.where}`);
      if (!source.failed) {
        reads = Math.min(reads, failing);
        continue;
      }
      const again = judgeDamage(await walkFileSystem(fileSystem), expected);
      if (again.kind !== "equal") throw new Error(`read ${failing} failed, and later: ${again.where}`);
      tried++;
    }
    expect(tried).toBeGreaterThan(2);
    tally("xfs k-th read failed: named, and right again afterwards", tried);
  },
);

describe("truncated", () => {
  test.each([0.05, 0.3, 0.6, 0.95])("to %d of its length", async (part) => {
    const length = Math.floor((image.length * part) / 512) * 512;
    const { outcome } = await readDamaged(subject(), new MemorySource(image.subarray(0, length)));
    expect(outcome.kind, outcome.where).not.toBe("different");
    tally("xfs truncated images: the same files or a named error", 1);
  });
});

test("a destroyed superblock: its copy in the second group shows the same files", async () => {
  const copy = Uint8Array.from(image);
  copy.fill(0xa5, 0, 512);
  const fileSystem = await openXfs(new MemorySource(copy));
  expect(fileSystem.info().warnings[0]).toMatch(
    /superblock at byte 0: magic number missing; its copy at byte \d+ is used/,
  );
  const listing = await walkFileSystem(fileSystem);
  expect(judgeDamage(listing, intact)).toEqual({ kind: "equal", where: "" });
  tally("xfs entries read through a copy of the superblock", listing.size);
});
