import { CorruptDataError } from "../../../errors.ts";
import type { ByteSource } from "../../../source/byte-source.ts";
import { SliceSource } from "../../../source/slice-source.ts";
import type { Consistency } from "../file-system.ts";

/** What the boot sectors of FAT and exFAT say about the volume as a whole; bytes. */
export interface ClusterLayout {
  readonly clusterSize: number;
  readonly clusterCount: number;
  /** Where cluster 2 begins. */
  readonly heapOffset: number;
  /** Of the whole file system. */
  readonly size: number;
}

/**
 * The volume from cluster 2 on, as much of it as is there.
 * @param warnings told when the end is missing
 * @throws CorruptDataError when nothing of it is there
 */
export function openClusterHeap(
  source: ByteSource,
  { clusterSize, clusterCount, heapOffset, size }: ClusterLayout,
  format: "fat" | "exfat",
  warnings: string[],
): ByteSource {
  const present = source.size - heapOffset;
  if (present <= 0) {
    throw new CorruptDataError({ format, structure: "boot sector" }, "the volume ends before its files begin");
  }
  const missing = size - source.size;
  if (missing > 0)
    warnings.push(`the volume is ${missing} bytes shorter than the file system; files there cannot be read`);
  return new SliceSource(source, heapOffset, Math.min(clusterCount * clusterSize, present), `${format} clusters`);
}

/** What the guest's systems have noted about the volume. */
export interface NotedState {
  readonly dirty: boolean;
  readonly errors: boolean;
}

export function consistencyOf({ dirty, errors }: NotedState, format: "FAT" | "exFAT"): Consistency {
  if (!dirty && !errors) return { state: "clean", detail: "clean" };
  const problems = [
    ...(dirty ? ["not cleanly unmounted"] : []),
    ...(errors ? ["the guest has met read or write errors"] : []),
  ];
  return { state: "raw", detail: `${problems.join(", ")}; ${format} has no journal, shown as it lies` };
}

/** `1234-ABCD`, as blkid prints it. */
export function formatVolumeId(id: number): string {
  const digits = id.toString(16).toUpperCase().padStart(8, "0");
  return `${digits.slice(0, 4)}-${digits.slice(4)}`;
}
