import { displayName } from "../../../bytes/byte-name.ts";
import { Cursor } from "../../../bytes/cursor.ts";
import { nameFromUtf16, utf16FromName } from "../../../bytes/utf16-name.ts";
import { CorruptDataError, PathError, UnsupportedFeatureError } from "../../../errors.ts";
import type { ByteSource, SparseSource } from "../../../source/byte-source.ts";
import { CachedSource } from "../../../source/cached-source.ts";
import type {
  Consistency,
  DirectoryEntry,
  ExtendedAttribute,
  FileSystem,
  FileSystemInfo,
  NodeId,
  NodeStat,
  ReadDirectoryOptions,
} from "../file-system.ts";
import { MappedSource } from "../mapped-source.ts";
import { AllocationTable } from "./allocation-table.ts";
import { BOOT_SECTOR_SIZE, type BootSector, beginsTable, parseBootSector } from "./boot-sector.ts";
import { ClusterChain } from "./cluster-chain.ts";
import { formatVolumeId, openClusterHeap } from "./cluster-heap.ts";
import { type CodePage, DEFAULT_CODE_PAGE } from "./code-page.ts";
import { type Directory, type DirectoryPlace, entryDamage, holdsEntry } from "./directory.ts";
import { ATTRIBUTE, type FileRecord, parseEntry, SLOT_SIZE, statOf, typeOf } from "./directory-entry.ts";
import { defaultUpcase, findByName } from "./fold-name.ts";
import { volumeLabel } from "./short-name.ts";
import { directoryAt, type FatVolume, readConsistency, rootPlace } from "./volume.ts";

export interface FatOptions {
  /** Of short names; long names need none. Default 437. */
  readonly codePage?: CodePage;
  readonly signal?: AbortSignal;
}

/** No slot can lie in the boot sector. */
const ROOT = 0;

/** The root directory has no entry that could say more of it. */
const ROOT_RECORD: Omit<FileRecord, "firstCluster"> = {
  attributes: ATTRIBUTE.DIRECTORY,
  size: 0,
  mtime: 0n,
  atime: 0n,
  birthtime: undefined,
};

/**
 * Opens a FAT12, FAT16 or FAT32 file system. A FAT32 boot sector that is damaged is replaced by its backup.
 * @throws CorruptDataError when no boot sector is usable, UnsupportedFeatureError, SourceError
 */
export async function openFat(source: ByteSource, options: FatOptions = {}): Promise<FileSystem> {
  const { signal, codePage = DEFAULT_CODE_PAGE } = options;
  const metadata = new CachedSource(source);
  const { boot, table, warnings } = await readBootSector(source, metadata, signal);
  const volume: FatVolume = {
    boot,
    metadata,
    table,
    heap: openClusterHeap(source, boot, "fat", warnings),
    codePage,
  };
  const consistency = await readConsistency(volume, signal);
  const label = await readLabel(volume, warnings, signal);
  return new FatFileSystem(volume, { label, consistency, warnings });
}

/** What the root directory says, else the boot sector. */
async function readLabel(volume: FatVolume, warnings: string[], signal?: AbortSignal): Promise<string> {
  const { boot, codePage } = volume;
  try {
    const label = await directoryAt(volume, await rootPlace(volume, signal)).label(signal);
    if (label !== undefined) return label;
  } catch (error) {
    if (!(error instanceof CorruptDataError)) throw error;
    warnings.push(error.message);
  }
  const label = volumeLabel(boot.label, codePage);
  return label === "NO NAME" ? "" : label;
}

/** A boot sector, and the table it leads to. */
interface Beginning {
  readonly boot: BootSector;
  readonly table: AllocationTable;
}

async function readBootSector(
  source: ByteSource,
  metadata: CachedSource,
  signal: AbortSignal | undefined,
): Promise<Beginning & { warnings: string[] }> {
  const read = async (offset: number): Promise<Beginning> => {
    const boot = parseBootSector(await metadata.read(offset, BOOT_SECTOR_SIZE, signal), offset);
    await requireTables(metadata, boot, offset, signal);
    const table = new AllocationTable(source, { format: "fat", ...boot });
    if (boot.entryBits === 32) await requireRoot(table, boot.rootCluster, signal);
    return { boot, table };
  };
  try {
    return { ...(await read(0)), warnings: [] };
  } catch (error) {
    if (!(error instanceof CorruptDataError)) throw error;
    for (const sectorSize of [512, 1024, 2048, 4096]) {
      if (BACKUP_SECTOR * sectorSize + BOOT_SECTOR_SIZE > metadata.size) break;
      const backup = await read(BACKUP_SECTOR * sectorSize).catch(undefinedIfUnusable);
      if (backup === undefined || backup.boot.entryBits !== 32 || backup.boot.sectorSize !== sectorSize) continue;
      return { ...backup, warnings: [`${error.message}; its backup at byte ${BACKUP_SECTOR * sectorSize} is used`] };
    }
    throw error;
  }
}

function undefinedIfUnusable(error: unknown): undefined {
  if (!(error instanceof CorruptDataError) && !(error instanceof UnsupportedFeatureError)) throw error;
}

/**
 * All copies begin as a table does; one that does not is still damaged in its first entries alone when it goes on as
 * the first whole one. Elsewhere there would be other bytes, and an empty root directory perhaps.
 * @throws CorruptDataError when a copy of the allocation table does not lie where the boot sector says
 */
async function requireTables(
  metadata: CachedSource,
  { tableOffsets, entryBits, sectorSize }: BootSector,
  byteOffset: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const damage = (problem: string) =>
    new CorruptDataError({ format: "fat", structure: "boot sector", byteOffset }, problem);
  const within = tableOffsets.filter((offset) => offset + sectorSize <= metadata.size);
  const copies = await Promise.all(within.map((offset) => metadata.read(offset, sectorSize, signal)));
  const whole = copies.find((copy) => beginsTable(copy, entryBits));
  if (whole === undefined) throw damage("no allocation table lies where it says");
  const strange = copies.findIndex((copy) => !beginsTable(copy, entryBits) && !goesOnAs(copy, whole));
  if (strange >= 0) throw damage(`copy ${strange + 1} of the allocation table does not lie where it says`);
}

/** Bytes of the two entries that hold flags; of FAT32, the widest. */
const FLAG_ENTRIES = 8;

function goesOnAs(copy: Uint8Array, whole: Uint8Array): boolean {
  const rest = copy.subarray(FLAG_ENTRIES);
  return rest.some((byte) => byte !== 0) && rest.every((byte, index) => byte === whole[FLAG_ENTRIES + index]);
}

/** @throws CorruptDataError when nothing can be the root directory there */
async function requireRoot(table: AllocationTable, cluster: number, signal: AbortSignal | undefined): Promise<void> {
  const root = await ClusterChain.follow(table, cluster, "root directory", signal);
  if (root.length === 0 && root.damage !== undefined) throw root.damage;
}

/** Sector of FAT32's second boot sector. The first one names it, but this is read because that is damaged. */
const BACKUP_SECTOR = 6;

/** What opening found out beyond the boot sector. */
interface Findings {
  /** Empty when there is none. */
  readonly label: string;
  readonly consistency: Consistency;
  readonly warnings: readonly string[];
}

class FatFileSystem implements FileSystem {
  readonly root = ROOT;
  readonly #volume: FatVolume;
  readonly #findings: Findings;

  constructor(volume: FatVolume, findings: Findings) {
    this.#volume = volume;
    this.#findings = findings;
  }

  info(): FileSystemInfo {
    const { entryBits, clusterSize, size, volumeId } = this.#volume.boot;
    const { consistency, warnings } = this.#findings;
    const label = displayName(nameFromUtf16(this.#findings.label));
    return {
      type: "vfat",
      ...(label === "" ? {} : { label }),
      ...(volumeId === undefined ? {} : { uuid: formatVolumeId(volumeId) }),
      blockSize: clusterSize,
      size,
      features: [`fat${entryBits}`],
      consistency,
      warnings,
    };
  }

  async lookup(directory: NodeId, name: Uint8Array, signal?: AbortSignal): Promise<DirectoryEntry | undefined> {
    const entries = await this.#directory(directory, signal);
    const wanted = utf16FromName(name);
    return wanted === undefined ? undefined : findByName(entries.batches(0, signal), wanted, defaultUpcase());
  }

  async *readDirectory(
    directory: NodeId,
    options: ReadDirectoryOptions = {},
  ): AsyncIterable<readonly DirectoryEntry[]> {
    const { after = 0, signal } = options;
    for await (const batch of (await this.#directory(directory, signal)).batches(after, signal)) {
      yield batch.map(({ entry }) => entry);
    }
  }

  async stat(node: NodeId, signal?: AbortSignal): Promise<NodeStat> {
    const record = await this.#record(node, signal);
    const { clusterSize } = this.#volume.boot;
    if (typeOf(record.attributes) === "file") return statOf(node, record, record.size, clusterSize);
    const place = await this.#place(node, record, signal);
    return statOf(node, record, "window" in place ? place.length * clusterSize : place.length, clusterSize);
  }

  async readLink(node: NodeId, signal?: AbortSignal): Promise<Uint8Array> {
    await this.#record(node, signal);
    throw new PathError("not-a-symlink", describeNode(node));
  }

  async openFile(node: NodeId, signal?: AbortSignal): Promise<SparseSource> {
    const { attributes, size, firstCluster } = await this.#record(node, signal);
    if (typeOf(attributes) === "directory") throw new PathError("is-a-directory", describeNode(node));
    const { clusterSize } = this.#volume.boot;
    const name = `fat ${describeNode(node)}`;
    if (size === 0) return new MappedSource(this.#volume.heap, NOTHING, 0, clusterSize, name);
    const chain = await ClusterChain.follow(this.#volume.table, firstCluster, describeNode(node), signal);
    const needed = Math.ceil(size / clusterSize);
    if (chain.length < needed) {
      throw (
        chain.damage ?? entryDamage(node * SLOT_SIZE, `${size} bytes need ${needed} clusters, it has ${chain.length}`)
      );
    }
    return new MappedSource(this.#volume.heap, chain, size, clusterSize, name);
  }

  async xattrs(node: NodeId, signal?: AbortSignal): Promise<readonly ExtendedAttribute[]> {
    await this.#record(node, signal);
    return [];
  }

  async close(): Promise<void> {
    this.#volume.metadata.release();
  }

  async #directory(node: NodeId, signal?: AbortSignal): Promise<Directory> {
    const record = await this.#record(node, signal);
    if (typeOf(record.attributes) === "file") throw new PathError("not-a-directory", describeNode(node));
    return directoryAt(this.#volume, await this.#place(node, record, signal));
  }

  async #place(node: NodeId, { firstCluster }: FileRecord, signal?: AbortSignal): Promise<DirectoryPlace> {
    if (node === ROOT) return rootPlace(this.#volume, signal);
    return ClusterChain.follow(this.#volume.table, firstCluster, describeNode(node), signal);
  }

  async #record(node: NodeId, signal?: AbortSignal): Promise<FileRecord> {
    signal?.throwIfAborted();
    const { entryBits, rootCluster, rootOffset, heapOffset, clusterCount, clusterSize } = this.#volume.boot;
    if (node === ROOT) return { ...ROOT_RECORD, firstCluster: rootCluster };
    const position = node * SLOT_SIZE;
    const end = heapOffset + clusterCount * clusterSize;
    if (!Number.isSafeInteger(node) || position < rootOffset || position >= end) {
      throw new PathError("not-found", describeNode(node));
    }
    const bytes =
      this.#volume.metadata.peek(position, SLOT_SIZE) ??
      (await this.#volume.metadata.read(position, SLOT_SIZE, signal));
    const cursor = new Cursor(bytes, { format: "fat", structure: "directory entry", byteOffset: position });
    if (!holdsEntry(cursor, 0)) throw new PathError("not-found", describeNode(node));
    return parseEntry(cursor, 0, entryBits);
  }
}

/** The map of an empty file. */
const NOTHING = { window: async () => ({ start: 0, end: Number.POSITIVE_INFINITY, runs: [] }) };

function describeNode(node: NodeId): string {
  return `directory entry at byte ${node * SLOT_SIZE}`;
}
