/** The value of one attribute of a file, put together from its stretches in one or more MFT records. */
import { CorruptDataError } from "../../../errors.ts";
import { ATTRIBUTE_FLAG, type Attribute, type NonResidentAttribute, type ResidentAttribute } from "./attribute.ts";
import { recordPlace } from "./file-record.ts";
import { type ClusterRun, decodeMappingPairs } from "./mapping-pairs.ts";
import type { Volume } from "./volume.ts";

interface NonResidentValue {
  readonly kind: "non-resident";
  /** Sizes, flags and the start of the value. */
  readonly head: NonResidentAttribute;
  /** In order, without gaps, the head first. */
  readonly stretches: readonly NonResidentAttribute[];
}

interface ResidentValue {
  readonly kind: "resident";
  readonly head: ResidentAttribute;
}

export type Value = ResidentValue | NonResidentValue;

/**
 * @param number the file's record, for error messages
 * @returns undefined when the file has no such attribute
 * @throws CorruptDataError when stretches are missing, doubled or of both forms
 */
export function findValue(
  attributes: readonly Attribute[],
  type: number,
  name: string,
  number: number,
): Value | undefined {
  const found = attributes.filter((each) => each.type === type && each.name === name);
  const [head] = found;
  if (head === undefined) return undefined;
  const corrupt = (problem: string) =>
    new CorruptDataError(recordPlace(number), `attribute 0x${type.toString(16)}: ${problem}`);
  if (head.resident) {
    if (found.length > 1) throw corrupt("occurs twice");
    return { kind: "resident", head };
  }
  const stretches = found.filter((each) => !each.resident).toSorted((left, right) => left.firstVcn - right.firstVcn);
  if (stretches.length < found.length) throw corrupt("is both in the record and outside");
  let end = 0;
  for (const stretch of stretches) {
    if (stretch.firstVcn !== end) throw corrupt(`a stretch begins at cluster ${stretch.firstVcn} instead of ${end}`);
    end = stretch.endVcn;
  }
  return { kind: "non-resident", head: stretches[0] as NonResidentAttribute, stretches };
}

/** Bytes. */
export function sizeOf(value: Value): number {
  return value.kind === "resident" ? value.head.value.length : value.head.dataSize;
}

/** Bytes on the disk; what lies in the record counts in eights. */
export function allocatedOf(value: Value): number {
  if (value.kind === "resident") return Math.ceil(value.head.value.length / 8) * 8;
  return value.head.storedSize ?? value.head.allocatedSize;
}

export function hasFlag(value: Value, flag: number): boolean {
  return (value.head.flags & flag) !== 0;
}

export function isCompressed(value: Value): boolean {
  return hasFlag(value, ATTRIBUTE_FLAG.COMPRESSION_MASK);
}

/** All runs, ascending and without gaps, covering at least the value's size. */
export function clusterRuns(volume: Volume, value: NonResidentValue, number: number): ClusterRun[] {
  const { clusterCount, clusterSize } = volume.geometry;
  const place = recordPlace(number);
  const bounds = { clusterCount, maximumRuns: volume.limits.mapRuns, place };
  const runs: ClusterRun[] = [];
  for (const stretch of value.stretches) {
    for (const run of decodeMappingPairs(stretch, bounds)) runs.push(run);
  }
  const end = value.stretches.at(-1)?.endVcn ?? 0;
  if (end * clusterSize < value.head.dataSize) {
    throw new CorruptDataError(place, `${value.head.dataSize} bytes are mapped by ${end} clusters`);
  }
  return runs;
}
