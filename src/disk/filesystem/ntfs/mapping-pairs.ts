/** Mapping pairs: the compressed list of cluster runs of a non-resident attribute (libfsntfs, "Data runs"). */
import { CorruptDataError, type CorruptionPlace, LimitError } from "../../../errors.ts";
import type { NonResidentAttribute } from "./attribute.ts";

export interface ClusterRun {
  /** Cluster of the value at which the run starts. */
  readonly vcn: number;
  /** Clusters. */
  readonly length: number;
  /** Cluster of the volume; absent for a hole. */
  readonly lcn?: number;
}

export interface MappingBounds {
  readonly clusterCount: number;
  readonly maximumRuns: number;
  readonly place: CorruptionPlace;
}

/** Volumes of NTFS 1.x mark holes so. */
const HOLE = -1;

/**
 * The runs of one stretch, without gaps.
 * @throws CorruptDataError when they lie outside the volume or do not add up to the stretch, LimitError
 */
export function decodeMappingPairs(attribute: NonResidentAttribute, bounds: MappingBounds): ClusterRun[] {
  const { mappingPairs: bytes, firstVcn, endVcn } = attribute;
  const corrupt = (problem: string) => new CorruptDataError(bounds.place, `mapping pairs: ${problem}`);
  const runs: ClusterRun[] = [];
  let vcn = firstVcn;
  let lcn = 0;
  for (let offset = 0; vcn < endVcn; ) {
    const header = bytes[offset];
    if (header === undefined || header === 0) throw corrupt(`end at cluster ${vcn} of ${endVcn}`);
    const lengthBytes = header & 0x0f;
    const placeBytes = header >> 4;
    const end = offset + 1 + lengthBytes + placeBytes;
    if (lengthBytes === 0 || lengthBytes > 8 || placeBytes > 8 || end > bytes.length) throw corrupt("malformed pair");
    const length = signedLittleEndian(bytes, offset + 1, lengthBytes);
    if (length <= 0 || vcn + length > endVcn) throw corrupt(`run of ${length} clusters at ${vcn} of ${endVcn}`);
    if (placeBytes > 0) lcn += signedLittleEndian(bytes, offset + 1 + lengthBytes, placeBytes);
    if (placeBytes === 0 || lcn === HOLE) runs.push({ vcn, length });
    else if (lcn >= 0 && Number.isSafeInteger(lcn) && lcn + length <= bounds.clusterCount)
      runs.push({ vcn, length, lcn });
    else throw corrupt(`run at cluster ${lcn} lies outside the volume`);
    if (runs.length > bounds.maximumRuns) throw new LimitError("mapRuns", bounds.maximumRuns, bounds.place.structure);
    vcn += length;
    offset = end;
  }
  return runs;
}

/** Values beyond 2^53 come out inexact and are refused by the caller's bounds. */
function signedLittleEndian(bytes: Uint8Array, offset: number, length: number): number {
  let value = 0;
  for (let index = 0; index < length; index++) value += (bytes[offset + index] as number) * 2 ** (8 * index);
  const negative = (bytes[offset + length - 1] as number) >= 0x80;
  return negative ? value - 2 ** (8 * length) : value;
}
