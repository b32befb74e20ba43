import { CorruptDataError } from "../../../errors.ts";
import type { CachedSource } from "../../../source/cached-source.ts";
import { parseSuperblock, SUPERBLOCK_AREA, type Superblock } from "./superblock.ts";

export interface LocatedSuperblock {
  readonly superblock: Superblock;
  /** Bytes from the start of the volume. */
  readonly byteOffset: number;
  /** What is wrong with the primary superblock, when this is a copy. */
  readonly damage?: CorruptDataError;
}

/**
 * The superblock, or when it is damaged the copy at the start of another allocation group. Where groups start is
 * what the superblock says, so without it the likely places are tried: what is left of its fields, and the
 * volume in as many equal groups as mkfs makes.
 * @throws CorruptDataError naming the primary superblock's damage when no copy is found, UnsupportedFeatureError
 */
export async function findSuperblock(metadata: CachedSource, signal?: AbortSignal): Promise<LocatedSuperblock> {
  let damage: CorruptDataError;
  const first = await readAt(metadata, 0, signal);
  try {
    return { superblock: parseSuperblock(first, 0), byteOffset: 0 };
  } catch (error) {
    if (!(error instanceof CorruptDataError)) throw error;
    damage = error;
  }
  for (const byteOffset of likelyPlaces(first, metadata.size)) {
    try {
      const superblock = parseSuperblock(await readAt(metadata, byteOffset, signal), byteOffset);
      if (superblock.groupBlocks * superblock.blockSize === byteOffset) return { superblock, byteOffset, damage };
    } catch (error) {
      if (!(error instanceof CorruptDataError)) throw error;
    }
  }
  throw damage;
}

function readAt(metadata: CachedSource, offset: number, signal?: AbortSignal): Promise<Uint8Array> {
  return metadata.read(offset, Math.min(SUPERBLOCK_AREA, metadata.size - offset), signal);
}

const MOST_GROUPS = 64;

/** Where the second allocation group may start, in bytes. */
function likelyPlaces(first: Uint8Array, size: number): number[] {
  const places = new Set<number>();
  if (first.length >= 304) {
    const view = new DataView(first.buffer, first.byteOffset, first.byteLength);
    for (const blockSize of [view.getUint32(4, false), 2 ** view.getUint8(120)])
      places.add(view.getUint32(84, false) * blockSize);
  }
  for (let blockSize = 512; blockSize <= 65536; blockSize *= 2) {
    const blocks = Math.floor(size / blockSize);
    for (let groups = 2; groups <= MOST_GROUPS; groups++) places.add(Math.ceil(blocks / groups) * blockSize);
  }
  return [...places].filter((place) => place % 512 === 0 && place > 0 && place + 512 <= size);
}
