import { displayName } from "../../../bytes/byte-name.ts";
import { Cursor } from "../../../bytes/cursor.ts";
import { nameFromUtf16, utf16FromName } from "../../../bytes/utf16-name.ts";
import { CorruptDataError, PathError } from "../../../errors.ts";
import type { ByteSource, SparseSource } from "../../../source/byte-source.ts";
import { CachedSource } from "../../../source/cached-source.ts";
import { AllocationTable, FIRST_CLUSTER } from "../fat/allocation-table.ts";
import { ClusterChain } from "../fat/cluster-chain.ts";
import { consistencyOf, formatVolumeId, openClusterHeap } from "../fat/cluster-heap.ts";
import { ATTRIBUTE, statOf } from "../fat/directory-entry.ts";
import { defaultUpcase, findByName, type UpcaseTable } from "../fat/fold-name.ts";
import type {
  DirectoryEntry,
  ExtendedAttribute,
  FileSystem,
  FileSystemInfo,
  NodeId,
  NodeStat,
  ReadDirectoryOptions,
} from "../file-system.ts";
import { readBootRegion } from "./boot-region.ts";
import { Directory, type DirectoryPlace, entryDamage } from "./directory.ts";
import { ENTRY, type ExfatRecord, isDirectory, parseFileSet, SLOT_SIZE, slotsOfSet } from "./entry-set.ts";
import { describeNode, placeOf, ROOT_NODE } from "./node.ts";
import { readUpcaseTable } from "./upcase-table.ts";
import { type ExfatVolume, mapAllocation, openAllocation } from "./volume.ts";

/** Bytes; the specification's bound. */
const LARGEST_DIRECTORY = 256 * 1024 * 1024;

export interface ExfatOptions {
  readonly signal?: AbortSignal;
}

/**
 * Opens an exFAT file system. A boot region that is damaged is replaced by its backup.
 * @throws CorruptDataError when neither boot region is intact, UnsupportedFeatureError, SourceError
 */
export async function openExfat(source: ByteSource, { signal }: ExfatOptions = {}): Promise<FileSystem> {
  const metadata = new CachedSource(source);
  const { boot, warnings } = await readBootRegion(metadata, signal);
  const volume: ExfatVolume = {
    boot,
    metadata,
    table: new AllocationTable(source, { format: "exfat", entryBits: 32, ...boot }),
    heap: openClusterHeap(source, boot, "exfat", warnings),
  };
  return new ExfatFileSystem(volume, await readVolumeEntries(volume, warnings, signal));
}

interface Findings {
  /** Empty when there is none. */
  readonly label: string;
  readonly upcase: UpcaseTable;
  readonly warnings: readonly string[];
}

/** Neither label nor upcase table is needed to read files, so their damage is a warning. */
async function readVolumeEntries(volume: ExfatVolume, warnings: string[], signal?: AbortSignal): Promise<Findings> {
  let label = "";
  let upcase: UpcaseTable | undefined;
  try {
    for (const entry of await new Directory(volume, await rootPlace(volume, signal)).volumeEntries(signal)) {
      if (entry.kind === "label") label = entry.label;
      else {
        const allocation = { ...entry, validSize: entry.size, contiguous: false };
        const stored = await openAllocation(volume, allocation, "upcase table", signal);
        upcase = await readUpcaseTable(stored, entry.checksum, signal);
      }
    }
    if (upcase === undefined) warnings.push("exfat: upcase table missing; Unicode's rules are used");
  } catch (error) {
    if (!(error instanceof CorruptDataError)) throw error;
    warnings.push(error.message);
  }
  return { label, upcase: upcase ?? defaultUpcase(), warnings };
}

/** The root directory has no entry that could tell its length: its chain does. */
async function rootPlace({ boot, table }: ExfatVolume, signal?: AbortSignal): Promise<DirectoryPlace> {
  const chain = await ClusterChain.follow(table, boot.rootCluster, "root directory", signal);
  const length = Math.min(chain.length * boot.clusterSize, LARGEST_DIRECTORY);
  return { map: chain, length, contiguous: false, damage: chain.damage };
}

class ExfatFileSystem implements FileSystem {
  readonly root = ROOT_NODE;
  readonly #volume: ExfatVolume;
  readonly #findings: Findings;

  constructor(volume: ExfatVolume, findings: Findings) {
    this.#volume = volume;
    this.#findings = findings;
  }

  info(): FileSystemInfo {
    const { boot } = this.#volume;
    const { label, warnings } = this.#findings;
    const shown = displayName(nameFromUtf16(label));
    return {
      type: "exfat",
      ...(shown === "" ? {} : { label: shown }),
      uuid: formatVolumeId(boot.serialNumber),
      blockSize: boot.clusterSize,
      size: boot.size,
      features: boot.tables === 2 ? ["texfat"] : [],
      consistency: consistencyOf(boot, "exFAT"),
      warnings,
    };
  }

  async lookup(directory: NodeId, name: Uint8Array, signal?: AbortSignal): Promise<DirectoryEntry | undefined> {
    const entries = await this.#directory(directory, signal);
    const wanted = utf16FromName(name);
    return wanted === undefined ? undefined : findByName(entries.batches(0, signal), wanted, this.#findings.upcase);
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
    const { clusterSize } = this.#volume.boot;
    if (node !== ROOT_NODE) {
      const record = await this.#record(node, signal);
      return statOf(node, record, record.size, clusterSize);
    }
    const { length } = await rootPlace(this.#volume, signal);
    const none = { attributes: ATTRIBUTE.DIRECTORY, firstCluster: 0, size: 0, mtime: 0n, atime: 0n };
    return statOf(node, { ...none, birthtime: undefined }, length, clusterSize);
  }

  async readLink(node: NodeId, signal?: AbortSignal): Promise<Uint8Array> {
    await this.#require(node, signal);
    throw new PathError("not-a-symlink", describeNode(node));
  }

  async openFile(node: NodeId, signal?: AbortSignal): Promise<SparseSource> {
    if (node === ROOT_NODE) throw new PathError("is-a-directory", describeNode(node));
    const record = await this.#record(node, signal);
    if (isDirectory(record)) throw new PathError("is-a-directory", describeNode(node));
    return openAllocation(this.#volume, record, describeNode(node), signal);
  }

  async xattrs(node: NodeId, signal?: AbortSignal): Promise<readonly ExtendedAttribute[]> {
    await this.#require(node, signal);
    return [];
  }

  async close(): Promise<void> {
    this.#volume.metadata.release();
  }

  async #require(node: NodeId, signal?: AbortSignal): Promise<void> {
    if (node !== ROOT_NODE) await this.#record(node, signal);
  }

  async #directory(node: NodeId, signal?: AbortSignal): Promise<Directory> {
    return new Directory(this.#volume, await this.#place(node, signal));
  }

  async #place(node: NodeId, signal?: AbortSignal): Promise<DirectoryPlace> {
    if (node === ROOT_NODE) return rootPlace(this.#volume, signal);
    const record = await this.#record(node, signal);
    if (!isDirectory(record)) throw new PathError("not-a-directory", describeNode(node));
    const { size, contiguous } = record;
    if (size > LARGEST_DIRECTORY || size % this.#volume.boot.clusterSize !== 0) {
      throw entryDamage(placeOf(node).position, `a directory of ${size} bytes is impossible`);
    }
    return { map: await mapAllocation(this.#volume, record, describeNode(node), signal), length: size, contiguous };
  }

  /** @throws PathError when no file's set begins there */
  async #record(node: NodeId, signal?: AbortSignal): Promise<ExfatRecord> {
    signal?.throwIfAborted();
    const { heapOffset, clusterCount, clusterSize } = this.#volume.boot;
    const { position, contiguous } = placeOf(node);
    const end = heapOffset + clusterCount * clusterSize;
    if (!Number.isSafeInteger(node) || position < heapOffset || position >= end) {
      throw new PathError("not-found", describeNode(node));
    }
    const first = await this.#slots(position, SLOT_SIZE, signal);
    const head = new Cursor(first, { format: "exfat", structure: "directory entry", byteOffset: position });
    if (head.u8(0) !== ENTRY.FILE) throw new PathError("not-found", describeNode(node));
    const length = slotsOfSet(head) * SLOT_SIZE;
    const room = clusterSize - ((position - heapOffset) % clusterSize);
    const slots =
      length <= room
        ? await this.#slots(position, length, signal)
        : Buffer.concat([
            await this.#slots(position, room, signal),
            ...(await this.#slotsInNextClusters(position, contiguous, length - room, signal)),
          ]);
    return parseFileSet(new Cursor(slots, head.place));
  }

  /** A set that goes on behind the end of a cluster of 512 bytes may need several more. */
  async #slotsInNextClusters(
    position: number,
    contiguous: boolean,
    length: number,
    signal?: AbortSignal,
  ): Promise<Uint8Array[]> {
    const { heapOffset, clusterSize } = this.#volume.boot;
    const { table } = this.#volume;
    const pieces: Uint8Array[] = [];
    let cluster = Math.floor((position - heapOffset) / clusterSize) + FIRST_CLUSTER;
    for (let missing = length; missing > 0; missing -= clusterSize) {
      cluster = contiguous ? cluster + 1 : await table.next(cluster, signal);
      if (!table.isCluster(cluster)) throw entryDamage(position, "its set of entries is not complete");
      const start = heapOffset + (cluster - FIRST_CLUSTER) * clusterSize;
      pieces.push(await this.#slots(start, Math.min(missing, clusterSize), signal));
    }
    return pieces;
  }

  #slots(position: number, length: number, signal?: AbortSignal): Uint8Array | Promise<Uint8Array> {
    const { metadata } = this.#volume;
    return metadata.peek(position, length) ?? metadata.read(position, length, signal);
  }
}
