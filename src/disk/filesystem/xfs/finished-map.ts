import { UnsupportedFeatureError } from "../../../errors.ts";
import { type MappedRange, putRange } from "../block-runs.ts";
import type { BlockRun, FileMap, MapWindow } from "../file-map.ts";
import type { MapChange } from "./log/intents.ts";
import { LogDamage } from "./log/log-damage.ts";
import type { Superblock } from "./superblock.ts";
import { linearBlock } from "./volume.ts";

/** A map with the changes that were announced in the log and never made. */
export class FinishedMap implements FileMap {
  readonly #stored: FileMap;
  readonly #changes: readonly MappedRange[];

  /** @throws LogDamage when a change leaves the file system, UnsupportedFeatureError for the realtime device */
  constructor(stored: FileMap, changes: readonly MapChange[], superblock: Superblock) {
    this.#stored = stored;
    this.#changes = changes.map((change) => toRange(change, superblock));
  }

  async window(logical: number, signal?: AbortSignal): Promise<MapWindow> {
    const { start, end, runs } = await this.#stored.window(logical, signal);
    const ranges: MappedRange[] = [...runs];
    for (const change of this.#changes) {
      const from = Math.max(start, change.logical);
      const length = Math.min(end, change.logical + change.length) - from;
      if (length <= 0) continue;
      const place = change.physical === undefined ? {} : { physical: change.physical + (from - change.logical) };
      putRange(ranges, { logical: from, length, ...place });
    }
    return { start, end, runs: ranges.filter(isMapped) };
  }
}

const isMapped = (range: MappedRange): range is BlockRun => range.physical !== undefined;

function toRange({ logical, length, block, isUnwritten, isRealtime }: MapChange, superblock: Superblock): MappedRange {
  if (isRealtime)
    throw new UnsupportedFeatureError("xfs", ["realtime file"], "its content lies on the realtime device");
  if (block === undefined || isUnwritten) return { logical, length };
  const physical = linearBlock(superblock, block, length);
  if (physical === undefined) throw new LogDamage(0, `maps block ${block}+${length}, outside the file system`);
  return { logical, length, physical };
}
