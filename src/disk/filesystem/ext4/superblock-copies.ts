import { CorruptDataError } from "../../../errors.ts";
import type { CachedSource } from "../../../source/cached-source.ts";
import { firstBlockOfGroup } from "./group-descriptor.ts";
import { parseSuperblock, SUPERBLOCK_OFFSET, SUPERBLOCK_SIZE, type Superblock } from "./superblock.ts";

export interface LocatedSuperblock {
  readonly superblock: Superblock;
  readonly byteOffset: number;
  /** Why this is not the first copy; absent when it is. */
  readonly damage?: CorruptDataError;
}

const BLOCK_SIZES = [1024, 2048, 4096, 8192, 16384, 32768, 65536];
/** Groups that hold copies with sparse_super; without it all do. */
const COPY_GROUPS = [1, 3, 5, 7, 9];
/** Blocks in a cluster: 1 without bigalloc, 16 as mke2fs makes them with it. */
const CLUSTER_RATIOS = [1, 16];

/**
 * The superblock, or the first intact copy when it is damaged: one that lies where its own figures say.
 * @throws CorruptDataError about the first copy when there is none, UnsupportedFeatureError
 */
export async function findSuperblock(metadata: CachedSource, signal?: AbortSignal): Promise<LocatedSuperblock> {
  if (metadata.size < SUPERBLOCK_OFFSET + SUPERBLOCK_SIZE) {
    const place = { format: "ext4", structure: "superblock", byteOffset: SUPERBLOCK_OFFSET };
    throw new CorruptDataError(place, `the volume ends at byte ${metadata.size}`);
  }
  try {
    return { superblock: await readCopy(metadata, SUPERBLOCK_OFFSET, signal), byteOffset: SUPERBLOCK_OFFSET };
  } catch (error) {
    if (!(error instanceof CorruptDataError)) throw error;
    const copy = await findCopy(metadata, signal);
    if (copy === undefined) throw error;
    return { ...copy, damage: error };
  }
}

async function readCopy(metadata: CachedSource, byteOffset: number, signal?: AbortSignal): Promise<Superblock> {
  return parseSuperblock(await metadata.read(byteOffset, SUPERBLOCK_SIZE, signal), byteOffset);
}

async function findCopy(metadata: CachedSource, signal?: AbortSignal): Promise<LocatedSuperblock | undefined> {
  for (const byteOffset of copyOffsets()) {
    if (byteOffset + SUPERBLOCK_SIZE > metadata.size) continue;
    try {
      const superblock = await readCopy(metadata, byteOffset, signal);
      if (firstBlockOfGroup(superblock, superblock.ownGroup) * superblock.blockSize === byteOffset) {
        return { superblock, byteOffset };
      }
    } catch (error) {
      if (!(error instanceof CorruptDataError)) throw error;
    }
  }
  return undefined;
}

function copyOffsets(): number[] {
  return BLOCK_SIZES.flatMap((blockSize) =>
    CLUSTER_RATIOS.flatMap((ratio) =>
      COPY_GROUPS.map((group) => {
        const firstDataBlock = blockSize === 1024 && ratio === 1 ? 1 : 0;
        return (firstDataBlock + group * blockSize * 8 * ratio) * blockSize;
      }),
    ),
  );
}
