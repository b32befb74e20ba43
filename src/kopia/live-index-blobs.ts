import {
  type EpochBlobName,
  type EpochMarker,
  firstCompleteSet,
  parseEpochBlobName,
  parseEpochMarker,
} from "./index-blob-name.ts";

export interface LiveIndexBlobs {
  readonly ids: readonly string[];
  /** Contents deleted at or before this time (unix seconds) are gone. */
  readonly watermark?: number;
}

/** Indexes of the epoch being written and its neighbours are never taken from compactions. */
const SETTLED_EPOCHS_BEHIND_WRITE_EPOCH = 2;

/**
 * Which of the `x…` blobs of a repository with epochs hold its current index
 * (kopia: internal/epoch/epoch_manager.go): a chain of range checkpoints from epoch 0, then single-epoch
 * compactions of settled epochs where complete, and uncompacted blobs for the rest.
 * @param ids names of all blobs that start with `x`, in listing order
 */
export function liveIndexBlobs(ids: readonly string[]): LiveIndexBlobs {
  const blobs = ids.map(parseEpochBlobName).filter((name) => name !== undefined);
  const markers = ids.map(parseEpochMarker).filter((marker) => marker !== undefined);
  const writeEpoch = maximum(markers, (marker) => (marker.kind === "epoch" ? marker.epoch : undefined)) ?? 0;
  const watermark = maximum(markers, (marker) => (marker.kind === "watermark" ? marker.seconds : undefined));

  const ranges = longestChain(completeRanges(blobs));
  const live = ranges.flatMap((range) => range.ids);
  const afterRanges = (ranges.at(-1)?.lastEpoch ?? -1) + 1;
  const lastSettled = writeEpoch - SETTLED_EPOCHS_BEHIND_WRITE_EPOCH;
  const compacted = byEpoch(blobs, "single-epoch");
  const uncompacted = byEpoch(blobs, "uncompacted");
  // Only epochs that have blobs are visited: the numbers come from names and may be absurdly far apart.
  const epochs = [...new Set([...compacted.keys(), ...uncompacted.keys()])].sort((left, right) => left - right);
  for (const epoch of epochs) {
    if (epoch < afterRanges || epoch > writeEpoch + 1) continue;
    const set = epoch <= lastSettled ? firstCompleteSet(compacted.get(epoch) ?? []) : undefined;
    live.push(...(set ?? uncompacted.get(epoch) ?? []));
  }
  return watermark === undefined ? { ids: live } : { ids: live, watermark };
}

function maximum(
  markers: readonly EpochMarker[],
  value: (marker: EpochMarker) => number | undefined,
): number | undefined {
  return markers
    .map(value)
    .reduce((most, next) => (next === undefined || next <= (most ?? -1) ? most : next), undefined);
}

function byEpoch(blobs: readonly EpochBlobName[], kind: EpochBlobName["kind"]): Map<number, string[]> {
  const groups = new Map<number, string[]>();
  for (const blob of blobs) {
    if (blob.kind !== kind) continue;
    const group = groups.get(blob.firstEpoch) ?? [];
    groups.set(blob.firstEpoch, group);
    group.push(blob.id);
  }
  return groups;
}

interface Range {
  readonly firstEpoch: number;
  readonly lastEpoch: number;
  readonly ids: readonly string[];
}

function completeRanges(blobs: readonly EpochBlobName[]): Range[] {
  const groups = new Map<string, EpochBlobName[]>();
  for (const blob of blobs) {
    if (blob.kind !== "range" || blob.lastEpoch <= blob.firstEpoch) continue;
    const key = `${blob.firstEpoch}_${blob.lastEpoch}`;
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    group.push(blob);
  }
  const ranges: Range[] = [];
  for (const group of groups.values()) {
    const ids = firstCompleteSet(group.map((blob) => blob.id));
    const [first] = group;
    if (ids !== undefined && first !== undefined) ranges.push({ ...first, ids });
  }
  return ranges;
}

/** Adjoining ranges from epoch 0 that reach furthest; among equals, the fewest. */
function longestChain(ranges: readonly Range[]): readonly Range[] {
  // Chains grow from epoch 0 upwards, so by ascending first epoch every predecessor is settled when needed.
  const ascending = [...ranges].sort((left, right) => left.firstEpoch - right.firstEpoch);
  const bestEndingAt = new Map<number, readonly Range[]>([[-1, []]]);
  for (const range of ascending) {
    const before = bestEndingAt.get(range.firstEpoch - 1);
    if (before === undefined) continue;
    const known = bestEndingAt.get(range.lastEpoch);
    if (known === undefined || before.length + 1 < known.length) bestEndingAt.set(range.lastEpoch, [...before, range]);
  }
  const furthest = [...bestEndingAt.keys()].reduce((most, next) => Math.max(most, next));
  return bestEndingAt.get(furthest) ?? [];
}
