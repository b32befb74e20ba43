/** A small image that is damaged in many ways, one at a time. */
import { expect } from "vitest";
import type { FileSystem, NodeId } from "../../../src/disk/filesystem/file-system.ts";
import { SourceError, VmfrError } from "../../../src/errors.ts";
import type { ByteSource } from "../../../src/source/byte-source.ts";
import { MemorySource } from "../../../src/source/memory-source.ts";
import { walkFileSystem } from "../listing/file-system-walk.ts";
import type { Listing } from "../listing/listing-entry.ts";
import { type DamageOutcome, judgeDamage } from "./damage-outcome.ts";
import { FailingSource } from "./failing-source.ts";
import { randomNumbers } from "./random-numbers.ts";

export interface DamageSubject {
  readonly image: Uint8Array;
  readonly open: (source: ByteSource) => Promise<FileSystem>;
  /** Of the image as it was made. */
  readonly intact: Listing;
  /** Offsets of the bytes to be flipped. */
  readonly metadata: readonly number[];
}

/** Every byte is tried when VMFR_EXHAUSTIVE=1 is set, else a seeded sample as large as the time allows. */
const exhaustive = process.env["VMFR_EXHAUSTIVE"] === "1";

/** Where the entries of all directories lie. */
export async function entryPositions(fileSystem: FileSystem, toPosition: (node: NodeId) => number): Promise<number[]> {
  const positions: number[] = [];
  await walkFileSystem(fileSystem, {
    onDirectory: async (_node, entries) => {
      positions.push(...entries.map(({ node }) => toPosition(node)));
    },
  });
  return positions;
}

export interface DamagedListing {
  readonly outcome: DamageOutcome;
  /** Absent when the file system could not be opened. */
  readonly listing?: Listing;
}

export async function readDamaged(subject: DamageSubject, source: ByteSource): Promise<DamagedListing> {
  try {
    const listing = await walkFileSystem(await subject.open(source), { firstOfName: true });
    return { outcome: judgeDamage(listing, subject.intact), listing };
  } catch (error) {
    if (error instanceof VmfrError) return { outcome: { kind: "named error", where: error.message } };
    throw error;
  }
}

export interface Flip {
  readonly offset: number;
  readonly bit: number;
  /** For messages. */
  readonly what: string;
}

export interface FlipCounts {
  equal: number;
  named: number;
  different: number;
}

/**
 * Flips one bit at a time.
 * @param onDifferent called with the damaged image when the answer is another one; throws if that is wrong
 */
export async function flipBits(
  subject: DamageSubject,
  seconds: number,
  onDifferent: (damaged: Uint8Array, listing: Listing, flip: Flip) => Promise<void>,
): Promise<FlipCounts> {
  const random = randomNumbers(4);
  const counts: FlipCounts = { equal: 0, named: 0, different: 0 };
  const copy = Uint8Array.from(subject.image);
  const until = Date.now() + seconds * 1000;
  const { metadata } = subject;
  for (let index = 0; exhaustive ? index < metadata.length : Date.now() < until; index++) {
    const offset = metadata[exhaustive ? index : Math.floor(random() * metadata.length)] as number;
    const before = copy[offset] as number;
    const bit = Math.floor(random() * 8);
    copy[offset] = before ^ (1 << bit);
    const { outcome, listing } = await readDamaged(subject, new MemorySource(copy));
    if (outcome.kind === "equal") counts.equal++;
    else if (outcome.kind === "named error" || listing === undefined) counts.named++;
    else {
      counts.different++;
      const what = `bit ${bit} of byte ${offset} flipped: ${outcome.where}`;
      await onDifferent(copy, listing, { offset, bit, what });
    }
    copy[offset] = before;
  }
  return counts;
}

/** Fails the k-th read for ever larger k: the failure is named, and forgotten afterwards. Returns how many were tried. */
export async function failReads(subject: DamageSubject): Promise<number> {
  for (let failing = 0; ; failing++) {
    const source = new FailingSource(new MemorySource(subject.image), failing);
    const fileSystem = await subject.open(source).catch((error: unknown) => {
      expect(error).toBeInstanceOf(SourceError);
      return subject.open(source);
    });
    const walk = async () => judgeDamage(await walkFileSystem(fileSystem), subject.intact);
    const first = await walk();
    if (!source.failed) return failing;
    expect(first.kind, `read ${failing}: ${first.where}`).not.toBe("different");
    const again = await walk();
    expect(again.kind, `read ${failing}, and later: ${again.where}`).toBe("equal");
  }
}
