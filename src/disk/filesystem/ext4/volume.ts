import type { Limits } from "../../../bytes/limits.ts";
import type { ByteSource } from "../../../source/byte-source.ts";
import type { CachedSource } from "../../../source/cached-source.ts";
import type { FastCommitView } from "./fast-commit-view.ts";
import type { Superblock } from "./superblock.ts";

/** What every structure of one opened file system is read with. */
export interface Volume {
  readonly superblock: Superblock;
  /** For file contents. */
  readonly data: ByteSource;
  /** For structures: the same bytes through a cache that can be asked without awaiting. */
  readonly metadata: CachedSource;
  readonly limits: Limits;
  /** Changes of the journal's fast commits, which no block holds. */
  readonly fastCommits?: FastCommitView;
}

/** One block. The caller has checked that it lies in the file system. */
export function readBlock(volume: Volume, block: number, signal?: AbortSignal): Uint8Array | Promise<Uint8Array> {
  const { blockSize } = volume.superblock;
  return (
    volume.metadata.peek(block * blockSize, blockSize) ?? volume.metadata.read(block * blockSize, blockSize, signal)
  );
}

/** Whether [block, block + count) may hold anything but the superblock: block 0 of 1 KiB blocks is the boot block. */
export function liesInside(superblock: Superblock, block: number, count = 1): boolean {
  return block > 0 && block >= superblock.firstDataBlock && block + count <= superblock.blockCount;
}
