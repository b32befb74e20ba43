/** A small image of a file system that is damaged in many ways, one at a time. */
import type { FileSystem, NodeId } from "../../../src/disk/filesystem/file-system.ts";
import { VmfrError } from "../../../src/errors.ts";
import type { ByteSource } from "../../../src/source/byte-source.ts";
import { MemorySource } from "../../../src/source/memory-source.ts";
import { walkFileSystem } from "../listing/file-system-walk.ts";
import type { Listing } from "../listing/listing-entry.ts";
import { type DamageOutcome, judgeDamage } from "./damage-outcome.ts";
import { expectFlipsTold, type Flip, type FlipCounts, type Judgement } from "./flips.ts";

export interface DamageSubject {
  /** For people: `ext2`, `XFS version 5`. */
  readonly format: string;
  readonly image: Uint8Array;
  readonly open: (source: ByteSource) => Promise<FileSystem>;
  /** Of the image as it was made. */
  readonly intact: Listing;
  /** Offsets of the bytes to be flipped. */
  readonly metadata: readonly number[];
}

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

/** Every damaged image is opened anew, and what it holds walked: names, metadata, attributes, content. */
export async function walkDamaged(subject: Pick<DamageSubject, "open">, source: ByteSource): Promise<Listing> {
  const fileSystem = await subject.open(source);
  try {
    return await walkFileSystem(fileSystem, { firstOfName: true });
  } finally {
    await fileSystem.close();
  }
}

export async function outcomeOf(subject: DamageSubject, bytes: Uint8Array): Promise<DamageOutcome> {
  try {
    return judgeDamage(await walkDamaged(subject, new MemorySource(bytes)), subject.intact);
  } catch (error) {
    if (error instanceof VmfrError) return { kind: "named error", where: error.message };
    throw error;
  }
}

/** One bit flipped at a time, as `expectFlipsTold` says. */
export function flipImage(
  subject: DamageSubject,
  judge?: (damaged: Uint8Array, listing: Listing, flip: Flip) => Promise<Judgement>,
): Promise<FlipCounts> {
  return expectFlipsTold({
    format: subject.format,
    bytes: Uint8Array.from(subject.image),
    offsets: subject.metadata,
    look: (bytes) => walkDamaged(subject, new MemorySource(bytes)),
    outcome: (listing) => judgeDamage(listing, subject.intact),
    ...(judge === undefined ? {} : { judge }),
  });
}
