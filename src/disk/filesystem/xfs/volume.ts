import type { Limits } from "../../../bytes/limits.ts";
import { CorruptDataError } from "../../../errors.ts";
import type { ByteSource } from "../../../source/byte-source.ts";
import type { CachedSource } from "../../../source/cached-source.ts";
import type { Unfinished } from "./log/intents.ts";
import type { Superblock } from "./superblock.ts";

/** What every structure of one opened file system is read with. */
export interface Volume {
  readonly superblock: Superblock;
  /** For file contents: large reads go straight to the disk. */
  readonly data: ByteSource;
  /** For structures: the same bytes through a cache that can be asked without awaiting. */
  readonly metadata: CachedSource;
  readonly limits: Limits;
  /** Which bytes the log changed. */
  readonly replayed?: { touches(offset: number, length: number): boolean };
  /** What the log says beyond the blocks it holds. */
  readonly unfinished?: Unfinished;
  /** Inodes whose extent tree blocks may still name their former owner. */
  readonly adopting?: ReadonlySet<number>;
}

/**
 * Block numbers of the format hold the allocation group in their upper bits; this is the plain count of blocks
 * from the start of the volume.
 * @returns undefined when [block, block + count) does not lie inside one group of the file system
 */
export function linearBlock(superblock: Superblock, block: number, count = 1): number | undefined {
  const { groupBlockLog, groupBlocks, groupCount, blockCount } = superblock;
  const group = Math.floor(block / 2 ** groupBlockLog);
  const within = block % 2 ** groupBlockLog;
  const linear = group * groupBlocks + within;
  const inside = group < groupCount && within + count <= groupBlocks && linear + count <= blockCount;
  return inside ? linear : undefined;
}

/** Where an inode's record lies, in bytes from the start of the volume. @throws CorruptDataError for impossible numbers */
export function inodeOffset(superblock: Superblock, inode: number): number {
  const { inodesPerBlockLog, inodeSize, blockSize } = superblock;
  const linear =
    Number.isSafeInteger(inode) && inode > 0
      ? linearBlock(superblock, Math.floor(inode / 2 ** inodesPerBlockLog))
      : undefined;
  if (linear === undefined) throw inodeCorruption(inode, "the number lies outside the file system");
  return linear * blockSize + (inode % 2 ** inodesPerBlockLog) * inodeSize;
}

export function inodeCorruption(inode: number, problem: string): CorruptDataError {
  return new CorruptDataError({ format: "xfs", structure: `inode ${inode}` }, problem);
}

/** One block, by its plain number. The caller has checked that it lies in the file system. */
export function readBlock(volume: Volume, linear: number, signal?: AbortSignal): Uint8Array | Promise<Uint8Array> {
  const { blockSize } = volume.superblock;
  return (
    volume.metadata.peek(linear * blockSize, blockSize) ?? volume.metadata.read(linear * blockSize, blockSize, signal)
  );
}
