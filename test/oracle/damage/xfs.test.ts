import { linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openXfs } from "../../../src/disk/filesystem/xfs/xfs-file-system.ts";
import { MemorySource } from "../../../src/source/memory-source.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { temporaryDirectory } from "../../setup/scratch-directory.ts";
import { tally } from "../../setup/tally.ts";
import { walkFileSystem } from "../listing/file-system-walk.ts";
import { kernelListing } from "../listing/kernel-oracle.ts";
import type { Listing, ListingEntry, ListingField } from "../listing/listing-entry.ts";
import { dirtyCopies } from "../xfs/dirty-images.ts";
import { formatImage, makeImage, tool, XFS_PACKAGES } from "../xfs/images.ts";
import { prototypeOf } from "../xfs/prototype.ts";
import { xfsDbListing } from "../xfs/xfs-db-oracle.ts";
import { contradictions, judgeDamage } from "./damage-outcome.ts";
import { type DamageSubject, flipImage, outcomeOf } from "./damaged-image.ts";
import { failEveryRead, shortenEveryRead } from "./faulty-reads.ts";
import { exhaustive, type Judgement } from "./flips.ts";
import { randomNumbers } from "./random-numbers.ts";

/** Seconds a normal run may spend on the log. */
const LOG_SECONDS = 12;
const BLOCK = 1024;
/** MiB; the smallest mkfs.xfs takes. */
const SIZE = 34;
const GEOMETRY = ["-b", `size=${BLOCK}`, "-d", "agcount=2"];
const ROOT = 64;

const home = temporaryDirectory();
afterAll(home.remove);

const read = (file: string): Uint8Array => Uint8Array.from(readFileSync(file));

interface Stretch {
  readonly start: number;
  readonly length: number;
}

/** Block types by their magic numbers: version 5's, and version 4's of the same structures. */
const MAGICS = ["XFSB", "XDB3", "XDD3", "XSLM", "XARM", "BMA3", "XD2B", "XD2D", "BMAP"];
const TREE_MAGICS = [0x3bee, 0x3ebe, 0x3df1, 0x3dff, 0xfbee, 0xfebe, 0xd2f1, 0xd2ff];

/** Blocks that begin as metadata does; the log, which has no checksum over what is not in use, is left out. */
function metadataOffsets(bytes: Uint8Array, log: Stretch): number[] {
  const text = (at: number) => Buffer.from(bytes.subarray(at, at + 4)).toString("latin1");
  const offsets: number[] = [];
  for (let block = 0; block < bytes.length; block += BLOCK) {
    if (block >= log.start && block < log.start + log.length) continue;
    const isInodes = text(block).startsWith("IN") && [2, 3].includes(bytes[block + 4] as number);
    const isTree = TREE_MAGICS.includes(((bytes[block + 8] as number) << 8) | (bytes[block + 9] as number));
    if (!isInodes && !isTree && !MAGICS.includes(text(block))) continue;
    // Of the superblock's block, the first sector alone.
    const length = text(block) === "XFSB" ? 512 : BLOCK;
    for (let offset = block; offset < block + length; offset++) offsets.push(offset);
  }
  return offsets;
}

async function logPlace(file: string): Promise<Stretch> {
  const shown = await tool("xfs_db", "-r", "-c", "sb 0", "-c", "print logstart logblocks", file);
  const field = (name: string) => Number(new RegExp(`${name} = (\\d+)`).exec(shown)?.[1]);
  const place = await tool("xfs_db", "-r", "-c", `convert fsblock ${field("logstart")} byte`, file);
  return { start: Number(/\((\d+)\)/.exec(place)?.[1]), length: field("logblocks") * BLOCK };
}

/** Filled by the kernel. */
function makeVersion5(): Promise<string> {
  const recipe = { name: "version 5", mkfs: GEOMETRY, size: SIZE, blockSize: BLOCK };
  return makeImage({ ...recipe, parts: ["one_of_each"] }, home.path);
}

/** Filled by mkfs.xfs, with a directory in every form of it, and attributes by xfs_db. */
async function makeVersion4(): Promise<string> {
  const folder = path.join(home.path, "folder");
  const names = (directory: string, count: number) => {
    mkdirSync(path.join(folder, directory), { recursive: true });
    for (let index = 0; index < count; index++)
      linkSync(path.join(folder, "file"), path.join(folder, directory, `${index}-${"n".repeat(60)}`));
  };
  mkdirSync(folder);
  writeFileSync(path.join(folder, "file"), "x".repeat(1500));
  names("short", 1);
  names("block", 8);
  names("leaf", 20);
  symlinkSync("file", path.join(folder, "link"));
  symlinkSync("long/".repeat(100), path.join(folder, "long-link"));
  const description = path.join(home.path, "prototype");
  writeFileSync(description, prototypeOf(folder));
  const image = path.join(home.path, "version4");
  await formatImage(image, SIZE, ["-m", "crc=0,finobt=0", ...GEOMETRY, "-p", description]);
  for (const length of [20, 300]) {
    const commands = ["path /file", `attr_set -u -v ${length} name-${length}`];
    await tool("xfs_db", "-x", ...commands.flatMap((command) => ["-c", command]), image);
  }
  return image;
}

async function makeSubject(format: string, file: string): Promise<DamageSubject> {
  const image = read(file);
  return {
    format,
    image,
    metadata: metadataOffsets(image, await logPlace(file)),
    intact: await walkFileSystem(await openXfs(new MemorySource(image))),
    open: (source) => openXfs(source),
  };
}

/** What xfs_db does not show, or not as a listing has it. */
const NOT_SHOWN: readonly ListingField[] = ["data", "device", "flags", "xattrs"];
const notShown = (entry: ListingEntry): readonly ListingField[] =>
  // Version 4 takes what lies behind the link's first inode for its target's length.
  entry.type === "file" ? NOT_SHOWN : [...NOT_SHOWN, "sha256"];

async function askXfsDb(damaged: Uint8Array, listing: Listing): Promise<Judgement> {
  const file = path.join(home.path, "judged");
  writeFileSync(file, damaged);
  const superblock = Buffer.from(damaged.buffer, damaged.byteOffset, 512);
  const geometry = { blockSize: superblock.readUInt32BE(4), groupBlocks: superblock.readUInt32BE(84) };
  try {
    const reference = await xfsDbListing(file, ROOT, geometry);
    return { differences: contradictions(listing, reference, { ignore: notShown }) };
  } catch (error) {
    return { refusal: String(error) };
  }
}

beforeAll(() => requireDebianPackages(...XFS_PACKAGES));

describe.each([
  { version: 5, make: makeVersion5 },
  { version: 4, make: makeVersion4 },
])("version $version", ({ version, make }) => {
  const format = `XFS version ${version}`;
  let subject: DamageSubject;

  beforeAll(async () => {
    const file = await make();
    subject = await makeSubject(format, file);
    if (version === 5)
      expect([...subject.intact.keys()].toSorted()).toEqual([...(await kernelListing(file)).keys()].toSorted());
    else expect(await askXfsDb(subject.image, subject.intact)).toEqual({ differences: [] });
  });

  test("a flipped bit in metadata: the same answer, a named error, or where nothing can tell xfs_db's", async () => {
    const counts = await flipImage(subject, version === 5 ? undefined : askXfsDb);
    if (version === 5) expect(counts.named).toBeGreaterThan(0);
  }, 36_000_000);

  test("the k-th read failing or short is named where it struck, and forgotten afterwards", async () => {
    const faults = faultsOf(format, subject.intact);
    await failEveryRead(faults, subject.image);
    await shortenEveryRead(faults, subject.image, path.join(home.path, "shortened"));
  });

  test.each([0.05, 0.3, 0.6, 0.95])("truncated to %d of its length", async (part) => {
    const length = Math.floor((subject.image.length * part) / 512) * 512;
    const outcome = await outcomeOf(subject, subject.image.subarray(0, length));
    expect(outcome.kind, outcome.where).not.toBe("different");
    tally("XFS truncated images: the same files or a named error", 1);
  });

  test("a destroyed superblock: its copy in the second group shows the same files", async () => {
    const copy = Uint8Array.from(subject.image);
    copy.fill(0xa5, 0, 512);
    const fileSystem = await openXfs(new MemorySource(copy));
    expect(fileSystem.info().warnings[0]).toMatch(
      /superblock at byte 0: magic number missing; its copy at byte \d+ is used/,
    );
    const listing = await walkFileSystem(fileSystem);
    expect(judgeDamage(listing, subject.intact)).toEqual({ kind: "equal", where: "" });
    tally("XFS entries read through a copy of the superblock", listing.size);
  });
});

const faultsOf = (format: string, intact: Listing) => ({
  format,
  open: (source: MemorySource | Parameters<typeof openXfs>[0]) => openXfs(source),
  outcome: async (fileSystem: Awaited<ReturnType<typeof openXfs>>) =>
    judgeDamage(await walkFileSystem(fileSystem), intact),
});

describe("with a log to replay", () => {
  let dirty: { image: Uint8Array; intact: Listing; log: Stretch };

  beforeAll(async () => {
    const recipe = { name: "busy", mkfs: GEOMETRY, size: SIZE, workload: "directories" } as const;
    const copy = (await dirtyCopies(recipe, home.path, 2)).at(-1) ?? "";
    const replayed = await openXfs(new MemorySource(read(copy)));
    expect(replayed.info().consistency.state).toBe("replayed");
    dirty = { image: read(copy), intact: await walkFileSystem(replayed), log: await logPlace(copy) };
  });

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
    tally("XFS flipped log bytes: the same files", counts.same);
    tally("XFS flipped log bytes: the log ends there, as after a torn write", counts.shorter);
    tally("XFS flipped log bytes: raw view with the reason", counts.raw);
  });

  test("the k-th read failing is named where it struck, and forgotten afterwards", async () => {
    const step = exhaustive ? 1 : 7;
    await failEveryRead(faultsOf("XFS with a log to replay", dirty.intact), dirty.image, step);
  }, 900_000);
});
