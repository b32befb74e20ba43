import { CorruptDataError, UnsupportedFeatureError } from "../../../errors.ts";
import { CachedSource } from "../../../source/cached-source.ts";
import type { Consistency } from "../file-system.ts";
import { openContent } from "./content.ts";
import { FastCommitView } from "./fast-commit-view.ts";
import { COMPAT, INCOMPAT } from "./features.ts";
import { GroupDescriptors } from "./group-descriptor.ts";
import { InodeTable } from "./inode-table.ts";
import { OverlaySource } from "./journal/overlay-source.ts";
import { replayJournal } from "./journal/replay-journal.ts";
import { has, parseSuperblock, SUPERBLOCK_SIZE } from "./superblock.ts";
import type { LocatedSuperblock } from "./superblock-copies.ts";
import type { Volume } from "./volume.ts";

export interface OpenVolume {
  readonly volume: Volume;
  readonly inodes: InodeTable;
  readonly groups: GroupDescriptors;
  readonly consistency: Consistency;
  readonly warnings: readonly string[];
}

function assemble(volume: Volume, superblockOffset: number): { inodes: InodeTable; groups: GroupDescriptors } {
  const block = Math.floor(superblockOffset / volume.superblock.blockSize);
  const groups = new GroupDescriptors(volume.superblock, volume.metadata, block);
  return { groups, inodes: new InodeTable(volume.superblock, groups, volume.metadata, volume.fastCommits?.records) };
}

/** The disk as it lies, with the reason why no journal was applied or none was needed. */
function asItLies(
  volume: Volume,
  offset: number,
  consistency: Consistency,
  warnings: readonly string[] = [],
): OpenVolume {
  return { volume, ...assemble(volume, offset), consistency, warnings };
}

const raw = (detail: string): Consistency => ({ state: "raw", detail });
const CLEAN: Consistency = { state: "clean", detail: "clean" };

/**
 * The file system as its journal leaves it, in memory. Where the journal cannot be applied, the view is the
 * disk as it lies, and says so.
 * @param disk the volume without its journal
 * @throws SourceError when the volume cannot be read
 */
export async function recover(
  disk: Volume,
  located: LocatedSuperblock,
  replay: boolean,
  signal?: AbortSignal,
): Promise<OpenVolume> {
  const { superblock, byteOffset } = located;
  const { features } = superblock;
  if (!has(features, "compat", COMPAT.HAS_JOURNAL)) {
    const clean = superblock.cleanlyUnmounted && located.damage === undefined;
    return asItLies(disk, byteOffset, clean ? CLEAN : raw("not cleanly unmounted, and there is no journal to replay"));
  }
  // Copies of the superblock never say that recovery is needed; then the journal itself has to.
  const needed = has(features, "incompat", INCOMPAT.RECOVER) || located.damage !== undefined;
  if (!needed) return asItLies(disk, byteOffset, CLEAN);
  if (superblock.externalJournal)
    return asItLies(disk, byteOffset, raw("the journal lies on another device, raw view"));
  if (!replay) return asItLies(disk, byteOffset, raw("the journal was not replayed, as asked"));
  try {
    return await replayOver(disk, located, signal);
  } catch (error) {
    if (!(error instanceof CorruptDataError || error instanceof UnsupportedFeatureError)) throw error;
    return asItLies(disk, byteOffset, raw(`the journal cannot be replayed, raw view: ${error.message}`));
  }
}

async function replayOver(
  disk: Volume,
  { superblock, byteOffset }: LocatedSuperblock,
  signal?: AbortSignal,
): Promise<OpenVolume> {
  const before = assemble(disk, byteOffset);
  const journal = openContent(disk, await before.inodes.read(superblock.journalInode, signal));
  const { blockSize, blockCount, inodeCount, inodeSize } = superblock;
  const replayed = await replayJournal({
    journal,
    fileSystem: { blockSize, blockCount, inodeCount, inodeSize },
    limits: disk.limits,
    ...(signal === undefined ? {} : { signal }),
  });
  const { consistency, warnings } = replayed;
  if (consistency.state !== "replayed") return asItLies(disk, byteOffset, consistency, warnings);
  const data = new OverlaySource(disk.data, journal, blockSize, replayed.blocks);
  const metadata = new CachedSource(data);
  const newest = parseSuperblock(await metadata.read(byteOffset, SUPERBLOCK_SIZE, signal), byteOffset);
  const volume: Volume = { superblock: newest, data, metadata, limits: disk.limits };
  const after = assemble(volume, byteOffset);
  if (replayed.fastCommit === undefined) return { volume, ...after, consistency, warnings };
  const readRecord = async (inode: number) => (await after.inodes.readRecord(inode, signal)).bytes;
  const fastCommits = await FastCommitView.apply(replayed.fastCommit.operations, readRecord);
  const edited: Volume = { ...volume, fastCommits };
  return { volume: edited, ...assemble(edited, byteOffset), consistency, warnings };
}
