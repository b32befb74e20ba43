import { displayName } from "../../../bytes/byte-name.ts";
import { defaultLimits, type Limits } from "../../../bytes/limits.ts";
import { PathError, UnsupportedFeatureError } from "../../../errors.ts";
import type { ByteSource, SparseSource } from "../../../source/byte-source.ts";
import { CachedSource } from "../../../source/cached-source.ts";
import { SmallReadsSource } from "../../../source/small-reads-source.ts";
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
import { formatUuid } from "../uuid.ts";
import { openContent } from "./content.ts";
import { Directory } from "./directory.ts";
import { readAttributes } from "./extended-attributes.ts";
import { featureNames, typeByFeatures } from "./features.ts";
import type { GroupDescriptors } from "./group-descriptor.ts";
import { INODE_FLAG, type Inode, inodeHas, statOf } from "./inode.ts";
import { type InodeTable, ROOT_INODE } from "./inode-table.ts";
import { type OpenVolume, recover } from "./recovery.ts";
import { findSuperblock, type LocatedSuperblock } from "./superblock-copies.ts";
import { readTarget } from "./symlink.ts";
import type { Volume } from "./volume.ts";

export interface Ext4Options {
  readonly limits?: Limits;
  /** False shows the disk as it lies, without its journal. */
  readonly replay?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Opens an ext2, ext3 or ext4 file system. An unclean journal is replayed in memory; nothing is written.
 * @throws CorruptDataError when no copy of the superblock is intact, UnsupportedFeatureError naming the
 *         features that this reader does not know, SourceError
 */
export async function openExt4(source: ByteSource, options: Ext4Options = {}): Promise<FileSystem> {
  const metadata = new CachedSource(source);
  const located = await findSuperblock(metadata, options.signal);
  const { superblock } = located;
  const disk: Volume = { superblock, data: source, metadata, limits: options.limits ?? defaultLimits };
  const open = await recover(disk, located, options.replay ?? true, options.signal);
  return new Ext4FileSystem(open, [...openingWarnings(located, source.size), ...open.warnings]);
}

function openingWarnings({ superblock, byteOffset, damage }: LocatedSuperblock, volumeSize: number): string[] {
  const warnings: string[] = [];
  if (damage !== undefined) warnings.push(`${damage.message}; its copy at byte ${byteOffset} is used`);
  if (superblock.errorsFound) warnings.push("the guest's kernel has recorded errors in this file system");
  const missing = superblock.blockCount * superblock.blockSize - volumeSize;
  if (missing > 0)
    warnings.push(`the volume is ${missing} bytes shorter than the file system; files there cannot be read`);
  return warnings;
}

class Ext4FileSystem implements FileSystem {
  readonly root = ROOT_INODE;
  readonly #volume: Volume;
  readonly #inodes: InodeTable;
  readonly #groups: GroupDescriptors;
  readonly #consistency: Consistency;
  readonly #warnings: readonly string[];

  constructor({ volume, inodes, groups, consistency }: OpenVolume, warnings: readonly string[]) {
    this.#volume = { ...volume, data: new SmallReadsSource(volume.metadata, volume.data) };
    this.#inodes = inodes;
    this.#groups = groups;
    this.#consistency = consistency;
    this.#warnings = warnings;
  }

  info(): FileSystemInfo {
    const { superblock } = this.#volume;
    const label = displayName(superblock.label);
    return {
      type: typeByFeatures(superblock.features),
      ...(label === "" ? {} : { label }),
      uuid: formatUuid(superblock.uuid),
      blockSize: superblock.blockSize,
      size: superblock.blockCount * superblock.blockSize,
      features: featureNames(superblock.features),
      consistency: this.#consistency,
      warnings: [...this.#warnings, ...this.#groups.warnings],
    };
  }

  async lookup(directory: NodeId, name: Uint8Array, signal?: AbortSignal): Promise<DirectoryEntry | undefined> {
    return (await this.#directory(directory, signal)).lookup(name, signal);
  }

  async *readDirectory(
    directory: NodeId,
    options: ReadDirectoryOptions = {},
  ): AsyncIterable<readonly DirectoryEntry[]> {
    yield* (await this.#directory(directory, options.signal)).batches(options.after ?? 0, options.signal);
  }

  async stat(node: NodeId, signal?: AbortSignal): Promise<NodeStat> {
    return statOf(await this.#inode(node, signal));
  }

  peekStat(node: NodeId): NodeStat | undefined {
    const inode = this.#inodes.glance(node);
    return inode === undefined ? undefined : statOf(inode);
  }

  async readLink(node: NodeId, signal?: AbortSignal): Promise<Uint8Array> {
    const inode = await this.#inode(node, signal);
    if (inode.type !== "symlink") throw new PathError("not-a-symlink", `inode ${node}`);
    return readTarget(this.#volume, inode, signal);
  }

  async openFile(node: NodeId, signal?: AbortSignal): Promise<SparseSource> {
    const inode = await this.#inode(node, signal);
    if (inode.type === "directory") throw new PathError("is-a-directory", `inode ${node}`);
    if (inode.type !== "file") throw new PathError("not-a-file", `inode ${node}`);
    if (inodeHas(inode, INODE_FLAG.ENCRYPT)) {
      throw new UnsupportedFeatureError("ext4", ["encrypted file"], "the guest's key is needed to read it");
    }
    return openContent(this.#volume, inode);
  }

  async xattrs(node: NodeId, signal?: AbortSignal): Promise<readonly ExtendedAttribute[]> {
    return readAttributes(this.#volume, this.#inodes, await this.#inode(node, signal), signal);
  }

  async close(): Promise<void> {
    this.#volume.metadata.release();
  }

  async #inode(node: NodeId, signal?: AbortSignal): Promise<Inode> {
    signal?.throwIfAborted();
    return this.#inodes.peek(node) ?? this.#inodes.read(node, signal);
  }

  async #directory(node: NodeId, signal?: AbortSignal): Promise<Directory> {
    const inode = await this.#inode(node, signal);
    if (inode.type !== "directory") throw new PathError("not-a-directory", `inode ${node}`);
    return new Directory(this.#volume, inode);
  }
}
