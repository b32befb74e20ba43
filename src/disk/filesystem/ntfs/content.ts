import { CorruptDataError, LimitError, UnsupportedFeatureError } from "../../../errors.ts";
import type { Extent, SparseSource } from "../../../source/byte-source.ts";
import { MemorySource } from "../../../source/memory-source.ts";
import { type Run, RunListSource } from "../../../source/run-list-source.ts";
import { ATTRIBUTE_FLAG, type NonResidentAttribute } from "./attribute.ts";
import { CompressedSource } from "./compressed-source.ts";
import { recordPlace } from "./file-record.ts";
import type { ClusterRun } from "./mapping-pairs.ts";
import { clusterRuns, hasFlag, isCompressed, sizeOf, type Value } from "./value.ts";
import type { Volume } from "./volume.ts";

/** Values kept in memory while they are read as one piece: lists, descriptors, small tables. */
export async function readWhole(
  volume: Volume,
  value: Value,
  number: number,
  maximum: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  if (sizeOf(value) > maximum) throw new LimitError("attributeValue", maximum, recordPlace(number).structure);
  if (value.kind === "resident") return value.head.value;
  return openValue(volume, value, number).read(0, value.head.dataSize, signal);
}

/**
 * The bytes of a value as the guest reads them: decompressed, and zeros where nothing was ever written.
 * @param number the file's record, for error messages
 * @throws UnsupportedFeatureError for encrypted values, CorruptDataError, LimitError
 */
export function openValue(volume: Volume, value: Value, number: number): SparseSource {
  if (hasFlag(value, ATTRIBUTE_FLAG.ENCRYPTED)) {
    throw new UnsupportedFeatureError("ntfs", ["encrypted file (EFS)"], "the guest's key is needed to read it");
  }
  if (value.kind === "resident") return new DataSource(value.head.value);
  const { clusterSize } = volume.geometry;
  const { head } = value;
  const runs = clusterRuns(volume, value, number);
  const name = `ntfs MFT record ${number}`;
  if (isCompressed(value)) {
    if ((head.flags & ATTRIBUTE_FLAG.COMPRESSION_MASK) !== ATTRIBUTE_FLAG.COMPRESSED) {
      throw new UnsupportedFeatureError("ntfs", [`compression method ${head.flags & 0xff}`]);
    }
    const unitClusters = 2 ** unitExponent(head, number);
    return new CompressedSource(volume.data, runs, { ...sizesOf(head), clusterSize, unitClusters, name });
  }
  return new RunListSource(volume.data, byteRuns(runs, clusterSize, head.initializedSize), head.dataSize, name);
}

function sizesOf({ dataSize, initializedSize }: NonResidentAttribute) {
  return { size: dataSize, initializedSize };
}

/** Windows writes 4; more than 8 would mean units of megabytes. */
function unitExponent(head: NonResidentAttribute, number: number): number {
  if (head.unitExponent < 1 || head.unitExponent > 8) {
    throw new CorruptDataError(recordPlace(number), `compression units of 2^${head.unitExponent} clusters`);
  }
  return head.unitExponent;
}

/** In bytes, cut off where the value was never written. */
function byteRuns(runs: readonly ClusterRun[], clusterSize: number, initializedSize: number): Run[] {
  const written: Run[] = [];
  for (const { vcn, length, lcn } of runs) {
    const fileOffset = vcn * clusterSize;
    const bytes = Math.min(length * clusterSize, initializedSize - fileOffset);
    if (bytes <= 0) break;
    if (lcn !== undefined) written.push({ fileOffset, length: bytes, sourceOffset: lcn * clusterSize });
  }
  return written;
}

/** Bytes in the record itself, all of them data. */
class DataSource extends MemorySource implements SparseSource {
  async *extents(from = 0): AsyncIterable<Extent> {
    if (from < this.size) yield { offset: from, length: this.size - from, kind: "data" };
  }
}
