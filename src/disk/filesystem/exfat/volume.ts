import { CorruptDataError } from "../../../errors.ts";
import type { ByteSource, SparseSource } from "../../../source/byte-source.ts";
import type { CachedSource } from "../../../source/cached-source.ts";
import { ConcatSource } from "../../../source/concat-source.ts";
import { ZeroSource } from "../../../source/memory-source.ts";
import { type AllocationTable, FIRST_CLUSTER } from "../fat/allocation-table.ts";
import { ClusterChain } from "../fat/cluster-chain.ts";
import type { FileMap } from "../file-map.ts";
import { MappedSource } from "../mapped-source.ts";
import type { BootRegion } from "./boot-region.ts";

/** What every structure of one opened file system is read with. */
export interface ExfatVolume {
  readonly boot: BootRegion;
  /** For structures: the whole volume through a cache that can be asked without awaiting. */
  readonly metadata: CachedSource;
  readonly table: AllocationTable;
  /** For file contents: the volume from cluster 2 on. */
  readonly heap: ByteSource;
}

/** Where a file's clusters are, as its stream extension says. */
export interface Allocation {
  readonly firstCluster: number;
  readonly size: number;
  readonly validSize: number;
  readonly contiguous: boolean;
}

const UNMAPPED: FileMap = { window: async () => ({ start: 0, end: Number.POSITIVE_INFINITY, runs: [] }) };

/**
 * The map of `size` bytes.
 * @param structure for messages: `directory entry at byte 17408`
 * @throws CorruptDataError when the clusters do not exist, form a loop or are too few
 */
export async function mapAllocation(
  { boot, table }: ExfatVolume,
  { firstCluster, size, contiguous }: Allocation,
  structure: string,
  signal?: AbortSignal,
): Promise<FileMap> {
  const needed = Math.ceil(size / boot.clusterSize);
  const corrupt = (problem: string) => new CorruptDataError({ format: "exfat", structure }, problem);
  if (needed === 0) return UNMAPPED;
  if (contiguous) {
    if (!table.isCluster(firstCluster) || !table.isCluster(firstCluster + needed - 1)) {
      throw corrupt(`clusters ${firstCluster} to ${firstCluster + needed - 1} do not all exist`);
    }
    const run = { logical: 0, length: needed, physical: firstCluster - FIRST_CLUSTER };
    return { window: async () => ({ start: 0, end: Number.POSITIVE_INFINITY, runs: [run] }) };
  }
  const chain = await ClusterChain.follow(table, firstCluster, structure, signal);
  if (chain.length >= needed) return chain;
  throw chain.damage ?? corrupt(`${size} bytes need ${needed} clusters, it has ${chain.length}`);
}

/** What lies there; bytes that were never written are zeros. */
export async function openAllocation(
  volume: ExfatVolume,
  allocation: Allocation,
  structure: string,
  signal?: AbortSignal,
): Promise<SparseSource> {
  const map = await mapAllocation(volume, allocation, structure, signal);
  const { size, validSize } = allocation;
  const written = new MappedSource(volume.heap, map, validSize, volume.boot.clusterSize, `exfat ${structure}`);
  return validSize === size ? written : new ConcatSource([written, new ZeroSource(size - validSize)]);
}
