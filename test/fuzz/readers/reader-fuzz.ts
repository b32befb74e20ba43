/** Mutants of one image, each read as far as it can be. */
import { expect } from "vitest";
import { fuzz } from "../ssh/fuzz-run.ts";
import type { SeededRandom } from "../ssh/seeded-random.ts";
import { allowed } from "./explore.ts";
import { MutableImage } from "./mutable-image.ts";
import { type ByteOrder, mutate, type Structure } from "./mutate.ts";

/** Milliseconds of computing that one mutant may cost; a small image takes a few. */
const LONGEST = 2000;

export interface FuzzedReader {
  /** For people: `ext4 images`. */
  readonly name: string;
  readonly image: Uint8Array;
  readonly structures: readonly Structure[];
  readonly order: ByteOrder;
  /** Opens the bytes and uses what opened. @throws VmfrError when they are refused */
  readonly read: (bytes: Uint8Array) => Promise<void>;
  /** Of the time of a whole run, between 0 and 1. */
  readonly share: number;
}

/** The image as it is must be read without a refusal, or its mutants would prove nothing. */
export async function fuzzReader({ name, image, structures, order, read, share }: FuzzedReader): Promise<void> {
  expect(structures.length, `structures of ${name}`).toBeGreaterThan(0);
  const mutable = new MutableImage(image);
  for (const { seal } of structures) seal?.(mutable);
  expect(Buffer.compare(mutable.bytes, image), `${name}: sealing changes nothing that is right`).toBe(0);
  await read(mutable.bytes);
  await fuzzBytes(name, share, async (random) => {
    mutate(mutable, structures, order, random);
    try {
      await allowed(() => read(mutable.bytes));
    } finally {
      mutable.restore();
    }
  });
}

/** Cases that are no images. */
export function fuzzBytes(
  name: string,
  share: number,
  attempt: (random: SeededRandom) => Promise<void>,
): Promise<void> {
  return fuzz({
    name,
    share,
    bound: "seconds",
    attempt: async (random) => {
      const before = process.cpuUsage();
      await attempt(random);
      const { user, system } = process.cpuUsage(before);
      expect((user + system) / 1000, "milliseconds of one mutant").toBeLessThan(LONGEST);
    },
  });
}
