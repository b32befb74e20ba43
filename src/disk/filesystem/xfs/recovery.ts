import { CorruptDataError, LimitError, UnsupportedFeatureError } from "../../../errors.ts";
import type { ByteSource } from "../../../source/byte-source.ts";
import { CachedSource } from "../../../source/cached-source.ts";
import type { Consistency } from "../file-system.ts";
import { needsReplay, replayLog } from "./log/replay-log.ts";
import { parseSuperblock, SUPERBLOCK_AREA } from "./superblock.ts";
import type { LocatedSuperblock } from "./superblock-copies.ts";
import type { Volume } from "./volume.ts";

/** Extended attributes logged by name; the only feature that concerns the log alone. */
const LOG_XATTRS = 0x1;

export interface RecoveredVolume {
  readonly volume: Volume;
  readonly consistency: Consistency;
}

export function cacheOver(source: ByteSource): CachedSource {
  return new CachedSource(source);
}

/**
 * The file system as its log leaves it, in memory. Where the log cannot be applied, the view is the disk as it
 * lies, and says so.
 * @param disk the volume without its log
 * @throws SourceError when the volume cannot be read
 */
export async function recover(
  disk: Volume,
  located: LocatedSuperblock,
  replay: boolean,
  signal?: AbortSignal,
): Promise<RecoveredVolume> {
  const raw = (detail: string): RecoveredVolume => ({ volume: disk, consistency: { state: "raw", detail } });
  if (disk.superblock.log.start === 0) return raw("the log lies on another device, raw view");
  try {
    if (replay) return await replayOver(disk, located, signal);
    if (await needsReplay(disk, signal)) return raw("the log was not replayed, as asked");
    return { volume: disk, consistency: { state: "clean", detail: "clean" } };
  } catch (error) {
    const isRefusal =
      error instanceof CorruptDataError || error instanceof UnsupportedFeatureError || error instanceof LimitError;
    if (!isRefusal) throw error;
    return raw(`the log cannot be replayed, raw view: ${error.message}`);
  }
}

async function replayOver(disk: Volume, located: LocatedSuperblock, signal?: AbortSignal): Promise<RecoveredVolume> {
  const replayed = await replayLog(disk, signal);
  if (replayed === undefined) return { volume: disk, consistency: { state: "clean", detail: "clean" } };
  requireKnownLog(disk);
  const { data, transactions, unfinished, adopting } = replayed;
  const metadata = cacheOver(data);
  // A copy of the superblock is never logged.
  const superblock =
    located.byteOffset === 0
      ? parseSuperblock(await metadata.read(0, Math.min(SUPERBLOCK_AREA, data.size), signal), 0)
      : disk.superblock;
  const detail = `log replayed in memory (${transactions} transaction${transactions === 1 ? "" : "s"})`;
  return {
    volume: { superblock, data, metadata, limits: disk.limits, replayed: data, unfinished, adopting },
    consistency: { state: "replayed", detail },
  };
}

/** Only a log with something in it has to be understood. @throws UnsupportedFeatureError */
function requireKnownLog({ superblock }: Volume): void {
  const unknown = superblock.features.logIncompat & ~LOG_XATTRS;
  if (unknown !== 0) throw new UnsupportedFeatureError("xfs", [`log features 0x${(unknown >>> 0).toString(16)}`]);
}
