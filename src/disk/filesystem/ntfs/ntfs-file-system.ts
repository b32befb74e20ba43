import { defaultLimits, type Limits } from "../../../bytes/limits.ts";
import { CorruptDataError, PathError, SourceError, VmfrError } from "../../../errors.ts";
import type { ByteSource, SparseSource } from "../../../source/byte-source.ts";
import { CachedSource } from "../../../source/cached-source.ts";
import type {
  DirectoryEntry,
  ExtendedAttribute,
  FileSystem,
  FileSystemInfo,
  NamedStream,
  NodeId,
  NodeStat,
  ReadDirectoryOptions,
} from "../file-system.ts";
import { BOOT_SECTOR_SIZE, type Geometry, parseBootSector } from "./boot-sector.ts";
import { Directory, toEntry } from "./directory.ts";
import { readAttributes } from "./extended-attributes.ts";
import { openFileContent } from "./file-content.ts";
import { type FileNode, FileNodes } from "./file-node.ts";
import { isHibernated } from "./hibernation.ts";
import { readLinkTarget } from "./link-target.ts";
import { MasterFileTable, SYSTEM_RECORD } from "./master-file-table.ts";
import { namedStreams, openNamedStream } from "./named-streams.ts";
import { ownerOf } from "./security-descriptor.ts";
import { SecurityDescriptors } from "./security-descriptors.ts";
import { type FileKind, kindOf, plainKind } from "./special-file.ts";
import { statOf } from "./stat.ts";
import { readUpcase, type UpcaseTable } from "./upcase-table.ts";
import type { Volume } from "./volume.ts";
import { readVolumeInformation, type VolumeInformation } from "./volume-information.ts";

/** Records of one directory lie all over the table: larger blocks would mostly fetch those of others. */
const METADATA_BLOCK = 16 * 1024;

export interface NtfsOptions {
  readonly limits?: Limits;
  readonly signal?: AbortSignal;
}

/**
 * Opens an NTFS volume, versions 1.2 to 3.1. Nothing is written, and $LogFile is not replayed.
 * @throws CorruptDataError when no boot sector is intact or none leads to a master file table, SourceError
 */
export async function openNtfs(source: ByteSource, options: NtfsOptions = {}): Promise<FileSystem> {
  const { signal } = options;
  const metadata = new CachedSource(source, { blockSize: METADATA_BLOCK });
  const { geometry, warnings } = await readGeometry(metadata, signal);
  const volume: Volume = { geometry, data: source, metadata, limits: options.limits ?? defaultLimits };
  const table = await MasterFileTable.open(volume, signal);
  const nodes = new FileNodes(volume, table);
  const upcase = await readUpcase(volume, nodes, signal);
  const hibernated = await isHibernated(volume, nodes, upcase.table, signal);
  const information = await readVolumeInformation(volume, nodes, hibernated, signal);
  const missing = geometry.clusterCount * geometry.clusterSize - source.size;
  if (missing > 0)
    warnings.push(`the volume is ${missing} bytes shorter than the file system; files there cannot be read`);
  warnings.push(...information.warnings, ...upcase.warnings);
  return new NtfsFileSystem({
    volume,
    table,
    nodes,
    descriptors: new SecurityDescriptors(volume, nodes),
    upcase: upcase.table,
    information,
    warnings,
  });
}

/** From the first sector, else from its copy behind the last cluster. */
async function readGeometry(
  source: ByteSource,
  signal: AbortSignal | undefined,
): Promise<{ geometry: Geometry; warnings: string[] }> {
  try {
    return {
      geometry: parseBootSector(await source.read(0, Math.min(BOOT_SECTOR_SIZE, source.size), signal)),
      warnings: [],
    };
  } catch (error) {
    const copyAt = Math.floor(source.size / BOOT_SECTOR_SIZE - 1) * BOOT_SECTOR_SIZE;
    if (!(error instanceof CorruptDataError) || copyAt <= 0) throw error;
    try {
      const geometry = parseBootSector(await source.read(copyAt, BOOT_SECTOR_SIZE, signal), copyAt);
      return { geometry, warnings: [`${error.message}; its copy at byte ${copyAt} is used`] };
    } catch (second) {
      throw second instanceof CorruptDataError ? error : second;
    }
  }
}

interface OpenedVolume {
  readonly volume: Volume;
  readonly table: MasterFileTable;
  readonly nodes: FileNodes;
  readonly descriptors: SecurityDescriptors;
  readonly upcase: UpcaseTable;
  readonly information: VolumeInformation;
  readonly warnings: readonly string[];
}

class NtfsFileSystem implements FileSystem {
  readonly root: NodeId = SYSTEM_RECORD.ROOT;
  readonly #open: OpenedVolume;

  constructor(open: OpenedVolume) {
    this.#open = open;
  }

  info(): FileSystemInfo {
    const { volume, information, warnings, table } = this.#open;
    const { clusterCount, clusterSize, serialNumber } = volume.geometry;
    const { label } = information;
    return {
      type: "ntfs",
      ...(label === "" ? {} : { label }),
      uuid: serialNumber,
      blockSize: clusterSize,
      size: clusterCount * clusterSize,
      features: information.features,
      consistency: information.consistency,
      warnings: [...warnings, ...table.warnings],
    };
  }

  async lookup(directory: NodeId, name: Uint8Array, signal?: AbortSignal): Promise<DirectoryEntry | undefined> {
    const found = await (await this.#directory(directory, signal)).lookup(name, signal);
    return found === undefined ? undefined : toEntry(found);
  }

  async *readDirectory(
    directory: NodeId,
    options: ReadDirectoryOptions = {},
  ): AsyncIterable<readonly DirectoryEntry[]> {
    yield* (await this.#directory(directory, options.signal)).batches(options.after ?? 0, options.signal);
  }

  async stat(node: NodeId, signal?: AbortSignal): Promise<NodeStat> {
    const { file, kind } = await this.#file(node, signal);
    const target = kind.type === "symlink" ? await this.#target(file, kind, signal) : undefined;
    return { ...statOf(file, kind, target?.length ?? 0), ...(await this.#owner(file, signal)) };
  }

  peekStat(node: NodeId): NodeStat | undefined {
    const file = this.#open.nodes.peek(node);
    const kind = file && plainKind(file);
    if (file === undefined || kind === undefined) return undefined;
    const known = this.#open.descriptors.peek(file);
    if (known === undefined) return undefined;
    const owner = known.descriptor && ownerOf(known.descriptor);
    const stat = statOf(file, kind, 0);
    return owner === undefined ? stat : { ...stat, owner };
  }

  async readLink(node: NodeId, signal?: AbortSignal): Promise<Uint8Array> {
    const { file, kind } = await this.#file(node, signal);
    if (kind.type !== "symlink") throw new PathError("not-a-symlink", `MFT record ${file.number}`);
    return this.#target(file, kind, signal);
  }

  async openFile(node: NodeId, signal?: AbortSignal): Promise<SparseSource> {
    const { file, kind } = await this.#file(node, signal);
    if (kind.type === "directory") throw new PathError("is-a-directory", `MFT record ${file.number}`);
    if (kind.type !== "file") throw new PathError("not-a-file", `MFT record ${file.number}`);
    return openFileContent(this.#open.volume, file, kind);
  }

  async xattrs(node: NodeId, signal?: AbortSignal): Promise<readonly ExtendedAttribute[]> {
    const { file, kind } = await this.#file(node, signal);
    return readAttributes(this.#open.volume, this.#open.descriptors, file, kind, signal);
  }

  async streams(node: NodeId, signal?: AbortSignal): Promise<readonly NamedStream[]> {
    return namedStreams(await this.#open.nodes.read(node, signal));
  }

  async openStream(node: NodeId, name: Uint8Array, signal?: AbortSignal): Promise<SparseSource> {
    return openNamedStream(this.#open.volume, await this.#open.nodes.read(node, signal), name);
  }

  async close(): Promise<void> {
    this.#open.volume.metadata.release();
  }

  /** A damaged descriptor costs the owner alone; asking for the attributes names the damage. */
  async #owner(file: FileNode, signal?: AbortSignal): Promise<{ owner?: string }> {
    try {
      const descriptor = await this.#open.descriptors.read(file, signal);
      const owner = descriptor === undefined ? undefined : ownerOf(descriptor);
      return owner === undefined ? {} : { owner };
    } catch (error) {
      if (!(error instanceof VmfrError) || error instanceof SourceError) throw error;
      return {};
    }
  }

  #target(file: FileNode, kind: FileKind, signal?: AbortSignal): Promise<Uint8Array> {
    return readLinkTarget(this.#open, file, kind, signal);
  }

  async #file(node: NodeId, signal?: AbortSignal): Promise<{ file: FileNode; kind: FileKind }> {
    const file = await this.#open.nodes.read(node, signal);
    return { file, kind: await kindOf(this.#open.volume, file, signal) };
  }

  async #directory(node: NodeId, signal?: AbortSignal): Promise<Directory> {
    const file = await this.#open.nodes.read(node, signal);
    if (!file.isDirectory) throw new PathError("not-a-directory", `MFT record ${file.number}`);
    return new Directory(this.#open.volume, file, this.#open.upcase);
  }
}
