import { Cursor } from "../../../bytes/cursor.ts";
import type { ByteSource } from "../../../source/byte-source.ts";
import type { CachedSource } from "../../../source/cached-source.ts";
import type { Consistency } from "../file-system.ts";
import type { AllocationTable } from "./allocation-table.ts";
import type { BootSector } from "./boot-sector.ts";
import { ClusterChain } from "./cluster-chain.ts";
import { consistencyOf } from "./cluster-heap.ts";
import type { CodePage } from "./code-page.ts";
import { Directory, type DirectoryPlace } from "./directory.ts";

/** What every structure of one opened file system is read with. */
export interface FatVolume {
  readonly boot: BootSector;
  /** For structures: the whole volume through a cache that can be asked without awaiting. */
  readonly metadata: CachedSource;
  readonly table: AllocationTable;
  /** For file contents: the volume from cluster 2 on. */
  readonly heap: ByteSource;
  readonly codePage: CodePage;
}

export function directoryAt({ boot, metadata, codePage }: FatVolume, place: DirectoryPlace): Directory {
  return new Directory({ ...boot, metadata, codePage }, place);
}

export async function rootPlace({ boot, table }: FatVolume, signal?: AbortSignal): Promise<DirectoryPlace> {
  const { rootOffset, rootLength, rootCluster } = boot;
  if (rootLength > 0) return { position: rootOffset, length: rootLength };
  return ClusterChain.follow(table, rootCluster, "root directory", signal);
}

/** Bits of entry 1 of the table that are set while all is well; FAT12 has none. */
const CLEAN_BITS = {
  16: { unmounted: 0x8000, noErrors: 0x4000 },
  32: { unmounted: 0x0800_0000, noErrors: 0x0400_0000 },
} as const;

/** What the guest's systems have noted: Linux in the boot sector, Windows in the allocation table. */
export async function readConsistency({ boot, metadata }: FatVolume, signal?: AbortSignal): Promise<Consistency> {
  const { entryBits, tableOffset } = boot;
  let { dirty } = boot;
  let errors = false;
  if (entryBits !== 12) {
    const bytes = await metadata.read(tableOffset, 8, signal);
    const cursor = new Cursor(bytes, { format: "fat", structure: "allocation table", byteOffset: tableOffset });
    const entry = entryBits === 16 ? cursor.u16le(2) : cursor.u32le(4);
    const { unmounted, noErrors } = CLEAN_BITS[entryBits];
    dirty ||= (entry & unmounted) === 0;
    errors = (entry & noErrors) === 0;
  }
  return consistencyOf({ dirty, errors }, "FAT");
}
