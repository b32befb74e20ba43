import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { defaultLimits } from "../../../src/bytes/limits.ts";
import { findArrays } from "../../../src/disk/volume/md/find-arrays.ts";
import { readPartitionTable } from "../../../src/disk/volume/partition-table.ts";
import { SourceError, VmfrError } from "../../../src/errors.ts";
import type { ByteSource } from "../../../src/source/byte-source.ts";
import { FileSource } from "../../../src/source/file-source.ts";
import { MemorySource } from "../../../src/source/memory-source.ts";
import { imagesFromAppliance } from "../../setup/appliance.ts";
import { temporaryDirectory } from "../../setup/scratch-directory.ts";
import { ARRAYS } from "../md/recipes.ts";
import { type DamageOutcome, outcomeOfWords } from "./damage-outcome.ts";
import { failEveryRead, shortenEveryRead } from "./faulty-reads.ts";
import { expectFlipsTold } from "./flips.ts";

const KiB = 1024;
const SUPERBLOCK = 4096;
/** Bytes of an array that each look reads: every member of every row takes part in them. */
const LOOKED_AT = 256 * KiB;

const home = temporaryDirectory();
afterAll(home.remove);

/** Partition `number` of every disk that has a part of the array of that number. */
async function readMembers(number: number, count: number): Promise<Uint8Array[]> {
  const { disks } = await imagesFromAppliance(ARRAYS);
  const members: Uint8Array[] = [];
  for (const disk of disks.slice(0, count)) {
    const source = await FileSource.open(disk);
    const { partitions } = await readPartitionTable(source);
    await source.close();
    const { offset, size } = partitions.find((each) => each.number === number) ?? expect.fail();
    const bytes = Buffer.alloc(size);
    const descriptor = openSync(disk, "r");
    readSync(descriptor, bytes, 0, size, offset);
    closeSync(descriptor);
    members.push(bytes);
  }
  return members;
}

/** The array's name, size and first bytes. @throws VmfrError when there is none */
async function look(members: readonly ByteSource[]): Promise<string> {
  const { sets, others } = await findArrays(members, { limits: defaultLimits });
  for (const verdict of others.values()) if ("error" in verdict && sets.length === 0) throw verdict.error;
  const lines: string[] = [];
  for (const { name, open } of sets.flatMap(({ volumes }) => volumes)) {
    const source = await open();
    const digest = createHash("sha256").update(await source.read(0, LOOKED_AT));
    lines.push(`${name} ${source.size} ${digest.digest("hex")}`);
  }
  return lines.join("\n");
}

describe.each([
  { format: "md 1.2, level 1", number: 1, count: 2, place: () => 4 * KiB },
  { format: "md 0.90, level 1", number: 3, count: 2, place: (size: number) => size - (size % (64 * KiB)) - 64 * KiB },
  { format: "md 1.1, level 0", number: 4, count: 3, place: () => 0 },
  { format: "md 1.2, level 10", number: 6, count: 3, place: () => 4 * KiB },
  { format: "md 1.2, level 5", number: 10, count: 3, place: () => 4 * KiB },
])("$format", ({ format, number, count, place }) => {
  let members: Uint8Array[];
  let intact: string;
  const first = (): Uint8Array => members[0] ?? expect.fail();
  const others = (): ByteSource[] => members.slice(1).map((bytes) => new MemorySource(bytes));

  beforeAll(async () => {
    members = await readMembers(number, count);
    intact = await look(members.map((bytes) => new MemorySource(bytes)));
    expect(intact).not.toBe("");
  }, 3_600_000);

  test("a flipped bit in a superblock: the same array or a named error", async () => {
    const start = place(first().length);
    await expectFlipsTold({
      format,
      bytes: Uint8Array.from(first()),
      offsets: Array.from({ length: SUPERBLOCK }, (_, index) => start + index),
      look: (bytes) => look([new MemorySource(bytes), ...others()]),
      outcome: (words) => outcomeOfWords(words, intact),
    });
  }, 3_600_000);

  test("the k-th read failing or short is named, and forgotten afterwards", async () => {
    const outcome = async (source: ByteSource): Promise<DamageOutcome> => {
      try {
        return outcomeOfWords(await look([source, ...others()]), intact);
      } catch (error) {
        if (error instanceof VmfrError) throw new SourceError(error.message, { retryable: false });
        throw error;
      }
    };
    const faults = { format, open: async (source: ByteSource) => source, outcome };
    await failEveryRead(faults, first());
    await shortenEveryRead(faults, first(), path.join(home.path, "shortened"));
  });
});
