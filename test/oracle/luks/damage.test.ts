import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { defaultLimits } from "../../../src/bytes/limits.ts";
import { findEncryptedVolumes } from "../../../src/disk/volume/luks/find-encrypted-volumes.ts";
import { VmfrError } from "../../../src/errors.ts";
import { MemorySource } from "../../../src/source/memory-source.ts";
import { SliceSource } from "../../../src/source/slice-source.ts";
import { imagesFromAppliance } from "../../setup/appliance.ts";
import { tally } from "../../setup/tally.ts";
import { randomNumbers } from "../damage/random-numbers.ts";
import { sha256Of } from "../lvm2/assembled.ts";
import { keyRing } from "./open-container.ts";
import { CONTAINERS, PASSPHRASE } from "./recipes.ts";

/** Seconds a normal run may spend on each volume; VMFR_EXHAUSTIVE=1 gives each four minutes. */
const SECONDS = process.env["VMFR_EXHAUSTIVE"] === "1" ? 240 : 12;
const KiB = 1024;
const MiB = 1024 * KiB;
/** Enough for these volumes; damaged numbers of iterations must not take minutes. */
const limits = { ...defaultLimits, keyDerivationWork: 100_000, keyDerivationMemory: 8 * MiB };

/** SHA-256 of what the container begins with. @throws VmfrError why it cannot be opened */
async function look(volume: Uint8Array): Promise<string> {
  const source = new MemorySource(volume);
  const { sets, others } = await findEncryptedVolumes([source], { limits, keys: keyRing(PASSPHRASE) });
  const [opened] = sets.flatMap(({ volumes }) => volumes);
  if (opened !== undefined) return sha256Of(new SliceSource(await opened.open(), 0, 256 * KiB));
  const other = others.get(source);
  throw other !== undefined && "error" in other ? other.error : new Error("nothing was found");
}

/** Flips one bit at a time, half of them in what is looked at first. */
async function flipBits(volume: Uint8Array, headerSize: number, end: number, seed: number) {
  const random = randomNumbers(seed);
  const intact = await look(volume);
  const counts = { equal: 0, "named error": 0 };
  const different: number[] = [];
  for (const until = Date.now() + SECONDS * 1000; Date.now() < until; ) {
    const offset = Math.floor(random() * (random() < 0.5 ? headerSize : end));
    const before = volume[offset] as number;
    volume[offset] = before ^ (1 << Math.floor(random() * 8));
    try {
      if ((await look(volume)) === intact) counts.equal++;
      else different.push(offset);
    } catch (error) {
      if (!(error instanceof VmfrError)) throw error;
      counts["named error"]++;
    }
    volume[offset] = before;
  }
  return { ...counts, different };
}

async function partition(number: number): Promise<Uint8Array> {
  const { disks } = await imagesFromAppliance(CONTAINERS);
  const start = (1 + (number - 1) * 24) * MiB;
  return readFileSync(disks[0] as string).subarray(start, start + 24 * MiB);
}

test("LUKS2: a flipped bit in header or key material gives the same bytes or a named error", async () => {
  const { different, equal, ...counts } = await flipBits(await partition(3), 32 * KiB, 288 * KiB, 8);
  expect(different).toEqual([]);
  expect(equal).toBeGreaterThan(5);
  expect(counts["named error"]).toBeGreaterThan(5);
  tally("LUKS2 flipped bits: same bytes", equal);
  tally("LUKS2 flipped bits: named error", counts["named error"]);
}, 600_000);

test("LUKS1: the same, but for the offset of the data, which nothing protects: from elsewhere they are noise", async () => {
  const { different, equal, ...counts } = await flipBits(await partition(1), 592, 260 * KiB, 9);
  expect(different.filter((offset) => offset < 104 || offset >= 108)).toEqual([]);
  expect(equal).toBeGreaterThan(5);
  expect(counts["named error"]).toBeGreaterThan(5);
  tally("LUKS1 flipped bits: same bytes", equal);
  tally("LUKS1 flipped bits: named error", counts["named error"]);
}, 600_000);
