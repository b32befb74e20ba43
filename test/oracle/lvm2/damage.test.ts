import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { defaultLimits } from "../../../src/bytes/limits.ts";
import { assembleDisks } from "../../../src/disk/assemble-disks.ts";
import { openDisk } from "../../../src/disk/open-disk.ts";
import { LogicalVolumes } from "../../../src/disk/volume/lvm2/logical-volumes.ts";
import { ThinPool } from "../../../src/disk/volume/lvm2/thin/thin-pool.ts";
import { findVolumeGroups, openPhysicalVolume } from "../../../src/disk/volume/lvm2/volume-groups.ts";
import { VmfrError } from "../../../src/errors.ts";
import type { ByteSource } from "../../../src/source/byte-source.ts";
import { MemorySource } from "../../../src/source/memory-source.ts";
import { SliceSource } from "../../../src/source/slice-source.ts";
import { imagesFromAppliance } from "../../setup/appliance.ts";
import { tally } from "../../setup/tally.ts";
import { randomNumbers } from "../damage/random-numbers.ts";
import { innerVolumes, sha256Of } from "./assembled.ts";
import { THIN, TWO_DISKS } from "./recipes.ts";

/** Seconds a normal run may spend on each kind; VMFR_EXHAUSTIVE=1 flips every byte. */
const SECONDS = 15;
const exhaustive = process.env["VMFR_EXHAUSTIVE"] === "1";
const MiB = 1024 * 1024;

/** Flips one bit at a time; what `look` then says is the intact answer or a named error. */
async function flipBytes(bytes: Uint8Array, offsets: readonly number[], look: () => Promise<string>, seed: number) {
  const random = randomNumbers(seed);
  const intact = await look();
  const counts = { equal: 0, "named error": 0 };
  const until = Date.now() + SECONDS * 1000;
  for (let index = 0; exhaustive ? index < offsets.length : Date.now() < until; index++) {
    const offset = offsets[exhaustive ? index : Math.floor(random() * offsets.length)] as number;
    const before = bytes[offset] as number;
    bytes[offset] = before ^ (1 << Math.floor(random() * 8));
    const outcome = await look().catch((error: unknown) => {
      if (error instanceof VmfrError) return "named error";
      throw error;
    });
    bytes[offset] = before;
    if (outcome !== intact && outcome !== "named error") throw new Error(`byte ${offset} flipped: ${outcome}`);
    counts[outcome === intact ? "equal" : "named error"]++;
  }
  return counts;
}

const nonZero = (bytes: Uint8Array, start: number, end: number): number[] =>
  Array.from({ length: end - start }, (_, index) => start + index).filter((offset) => bytes[offset] !== 0);

let first: Uint8Array;
let thinDisks: Uint8Array[];

beforeAll(async () => {
  first = Uint8Array.from(readFileSync((await imagesFromAppliance(TWO_DISKS)).disks[0] as string));
  thinDisks = (await imagesFromAppliance(THIN)).disks.map((disk) => Uint8Array.from(readFileSync(disk)));
});

/** What a user sees of a group's volumes: the bytes of those that are readable. */
async function describeGroup(): Promise<string> {
  const disks = await assembleDisks([
    { name: "first", disk: await openDisk(new MemorySource(first), { format: "raw" }) },
  ]);
  const volumes = innerVolumes(disks);
  const lines: string[] = [];
  for (const name of ["on-first", "behind"]) {
    const volume = volumes.get(`/dev/my-vg.0/${name}`);
    if (volume === undefined) return "named error";
    lines.push(`${name} ${volume.source.size} ${await sha256Of(volume.source)}`);
  }
  return lines.join("\n");
}

test("a flipped bit in label, header or text: the same volumes or a named error", async () => {
  // The partition, and with it the physical volume, begins at 9 MiB; its only metadata area is in the first 128 KiB.
  const offsets = nonZero(first, 9 * MiB, 9 * MiB + 128 * 1024);
  const counts = await flipBytes(first, offsets, describeGroup, 6);
  expect(counts["named error"]).toBeGreaterThan(10);
  tally("LVM2 flipped metadata bytes: same volumes", counts.equal);
  tally("LVM2 flipped metadata bytes: named error", counts["named error"]);
}, 3_600_000);

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
  const counts = await flipBytes(metadata, offsets, look, 7);
  expect(counts["named error"]).toBeGreaterThan(5);
  tally("dm-thin flipped metadata bytes: same bytes", counts.equal);
  tally("dm-thin flipped metadata bytes: named error", counts["named error"]);
}, 3_600_000);
