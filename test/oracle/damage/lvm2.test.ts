import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { defaultLimits } from "../../../src/bytes/limits.ts";
import { assembleDisks } from "../../../src/disk/assemble-disks.ts";
import type { Volume } from "../../../src/disk/disk.ts";
import { openDisk } from "../../../src/disk/open-disk.ts";
import { LogicalVolumes } from "../../../src/disk/volume/lvm2/logical-volumes.ts";
import { ThinPool } from "../../../src/disk/volume/lvm2/thin/thin-pool.ts";
import { findVolumeGroups, openPhysicalVolume } from "../../../src/disk/volume/lvm2/volume-groups.ts";
import { SourceError, VmfrError } from "../../../src/errors.ts";
import type { ByteSource } from "../../../src/source/byte-source.ts";
import { MemorySource } from "../../../src/source/memory-source.ts";
import { SliceSource } from "../../../src/source/slice-source.ts";
import { imagesFromAppliance } from "../../setup/appliance.ts";
import { temporaryDirectory } from "../../setup/scratch-directory.ts";
import { assembleImages, innerVolumes, sha256Of } from "../lvm2/assembled.ts";
import { THIN, TWO_DISKS } from "../lvm2/recipes.ts";
import { type DamageOutcome, outcomeOfWords } from "./damage-outcome.ts";
import { failEveryRead, shortenEveryRead } from "./faulty-reads.ts";
import { expectFlipsTold } from "./flips.ts";

const MiB = 1024 * 1024;

/** Flips one bit at a time; what `look` then says is the intact answer or a named error. */
async function flipWords(format: string, bytes: Uint8Array, offsets: readonly number[], look: () => Promise<string>) {
  const intact = await look();
  return expectFlipsTold({ format, bytes, offsets, look, outcome: (words) => outcomeOfWords(words, intact) });
}

const nonZero = (bytes: Uint8Array, start: number, end: number): number[] =>
  Array.from({ length: end - start }, (_, index) => start + index).filter((offset) => bytes[offset] !== 0);

const home = temporaryDirectory();
afterAll(home.remove);

let first: Uint8Array;
let thinDisks: Uint8Array[];

beforeAll(async () => {
  first = Uint8Array.from(readFileSync((await imagesFromAppliance(TWO_DISKS)).disks[0] as string));
  thinDisks = (await imagesFromAppliance(THIN)).disks.map((disk) => Uint8Array.from(readFileSync(disk)));
});

/** The size, and the bytes at the start and the end. */
async function sizeAndEnds(source: ByteSource, length: number): Promise<string> {
  const start = await sha256Of(new SliceSource(source, 0, length));
  return `${source.size} ${start} ${await sha256Of(new SliceSource(source, source.size - length, length))}`;
}

/** What a user sees of a group's volumes, of those that are readable. */
async function describeGroup(): Promise<string> {
  const disks = await assembleDisks([
    { name: "first", disk: await openDisk(new MemorySource(first), { format: "raw" }) },
  ]);
  const volumes = innerVolumes(disks);
  const lines: string[] = [];
  for (const name of ["on-first", "behind"]) {
    const volume = volumes.get(`/dev/my-vg.0/${name}`);
    if (volume === undefined) throw new SourceError(`${name} is not there`, { retryable: false });
    lines.push(`${name} ${await sizeAndEnds(volume.source, 64 * 1024)}`);
  }
  return lines.join("\n");
}

test("a flipped bit in label, header or text: the same volumes or a named error", async () => {
  // The partition, and with it the physical volume, begins at 9 MiB; its only metadata area is in the first 128 KiB.
  const offsets = nonZero(first, 9 * MiB, 9 * MiB + 128 * 1024);
  const counts = await flipWords("LVM2", first, offsets, describeGroup);
  expect(counts.named).toBeGreaterThan(10);
}, 36_000_000);

test("a flipped bit in thin metadata: the same bytes or a named error", async () => {
  const physical = await Promise.all(thinDisks.map((disk) => openPhysicalVolume(new MemorySource(disk))));
  const [group] = findVolumeGroups(physical.filter((each) => each !== undefined));
  if (group === undefined) throw new Error("no volume group");
  const sources = new Map<string, ByteSource>([...group.physicalVolumes].map(([id, { source }]) => [id, source]));
  const volumes = new LogicalVolumes(group.metadata, sources, { limits: defaultLimits });
  const [tmeta, data] = await Promise.all([volumes.open("pool_tmeta"), volumes.open("pool_tdata")]);
  const metadata = Uint8Array.from(await tmeta.read(0, tmeta.size));
  const source = new MemorySource(metadata);
  const blocks = new Set<number>();
  const recording: ByteSource = {
    size: source.size,
    read(offset, length) {
      blocks.add(offset);
      return source.read(offset, length);
    },
    close: () => source.close(),
  };
  const look = async () => {
    const pool = await ThinPool.open(recording, data, 64 * 1024, defaultLimits);
    const volume = await pool.openVolume(1, 20 * MiB);
    return sha256Of(new SliceSource(volume, 0, 2 * MiB));
  };
  await look();
  const offsets = [...blocks].flatMap((start) => Array.from({ length: 4096 }, (_, index) => start + index));
  const counts = await flipWords("dm-thin", metadata, offsets, look);
  expect(counts.named).toBeGreaterThan(5);
}, 36_000_000);

/** So much of a volume's start and end is read: of both physical volumes, and of several chunks of a thin one. */
const PART = 1.5 * MiB;

const REFUSED = "refused: ";

/** Bytes of a volume, or why they are refused. */
async function describeVolume({ source }: Volume): Promise<string> {
  try {
    return await sizeAndEnds(source, PART);
  } catch (error) {
    if (error instanceof VmfrError) return `${REFUSED}${error.message}`;
    throw error;
  }
}

test.each([
  { format: "LVM2 over two disks", recipe: TWO_DISKS, device: "/dev/my-vg.0/over-both" },
  { format: "LVM2 thin pool", recipe: THIN, device: "/dev/vg/first" },
])("$format: the k-th read failing or short is named, and forgotten afterwards", async ({ format, recipe, device }) => {
  const disks = (await imagesFromAppliance(recipe)).disks.map((disk) => readFileSync(disk));
  const image = Buffer.concat(disks);
  const starts = disks.map((_, index) => disks.slice(0, index).reduce((sum, { length }) => sum + length, 0));
  const open = async (source: ByteSource) => source;
  const look = async (source: ByteSource): Promise<string> => {
    const slices = disks.map(({ length }, index) => new SliceSource(source, starts[index] ?? 0, length));
    const volume = innerVolumes(await assembleImages(slices)).get(device);
    return volume === undefined ? "not there" : describeVolume(volume);
  };
  const intact = await look(new MemorySource(image));
  expect(intact).toMatch(/^\d+ /);
  const outcome = async (source: ByteSource): Promise<DamageOutcome> => {
    const words = await look(source);
    return words.startsWith(REFUSED) ? { kind: "named error", where: words } : outcomeOfWords(words, intact);
  };
  await failEveryRead({ format, open, outcome }, image);
  await shortenEveryRead({ format, open, outcome }, image, path.join(home.path, "shortened"));
});
