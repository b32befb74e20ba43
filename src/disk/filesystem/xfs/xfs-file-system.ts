import { displayName } from "../../../bytes/byte-name.ts";
import { defaultLimits, type Limits } from "../../../bytes/limits.ts";
import { CorruptDataError, PathError } from "../../../errors.ts";
import type { ByteSource, SparseSource } from "../../../source/byte-source.ts";
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
import { readAttributes } from "./attribute/attributes.ts";
import { openContent } from "./content.ts";
import { Directory } from "./directory/directory.ts";
import { featureNames, INCOMPAT } from "./features.ts";
import { type Inode, statOf } from "./inode.ts";
import { InodeTable } from "./inode-table.ts";
import { cacheOver, recover } from "./recovery.ts";
import { hasIncompat } from "./superblock.ts";
import { findSuperblock, type LocatedSuperblock } from "./superblock-copies.ts";
import { readTarget } from "./symlink.ts";
import type { Volume } from "./volume.ts";

export interface XfsOptions {
  readonly limits?: Limits;
  /** False shows the disk as it lies, without its log. */
  readonly replay?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Opens an XFS file system, version 4 or 5. An unclean log is replayed in memory; nothing is written.
 * @throws CorruptDataError when no copy of the superblock is intact, UnsupportedFeatureError naming the
 *         features that this reader does not know, SourceError
 */
export async function openXfs(source: ByteSource, options: XfsOptions = {}): Promise<FileSystem> {
  const metadata = cacheOver(source);
  const located = await findSuperblock(metadata, options.signal);
  const disk: Volume = {
    superblock: located.superblock,
    data: source,
    metadata,
    limits: options.limits ?? defaultLimits,
  };
  const { volume, consistency } = await recover(disk, located, options.replay ?? true, options.signal);
  await requireRoot(volume, options.signal);
  return new XfsFileSystem(volume, consistency, openingWarnings(located, source.size));
}

/** @throws CorruptDataError when the superblock leads to an inode that is no directory; a damaged one says so itself */
async function requireRoot(volume: Volume, signal: AbortSignal | undefined): Promise<void> {
  const { rootInode } = volume.superblock;
  try {
    const root = await new InodeTable(volume).read(rootInode, signal);
    if (root.type === "directory") return;
  } catch (error) {
    if (error instanceof CorruptDataError) return;
    throw error;
  }
  throw new CorruptDataError({ format: "xfs", structure: "superblock" }, `root inode ${rootInode} is no directory`);
}

function openingWarnings({ superblock, byteOffset, damage }: LocatedSuperblock, volumeSize: number): string[] {
  const warnings: string[] = [];
  if (damage !== undefined) warnings.push(`${damage.message}; its copy at byte ${byteOffset} is used`);
  if (hasIncompat(superblock, INCOMPAT.NEEDSREPAIR))
    warnings.push("marked as in need of repair; Linux would not mount it");
  const missing = superblock.blockCount * superblock.blockSize - volumeSize;
  if (missing > 0)
    warnings.push(`the volume is ${missing} bytes shorter than the file system; files there cannot be read`);
  return warnings;
}

class XfsFileSystem implements FileSystem {
  readonly root: NodeId;
  readonly #volume: Volume;
  readonly #inodes: InodeTable;
  readonly #consistency: Consistency;
  readonly #warnings: readonly string[];

  constructor(volume: Volume, consistency: Consistency, warnings: readonly string[]) {
    this.root = volume.superblock.rootInode;
    this.#volume = volume;
    this.#inodes = new InodeTable(volume);
    this.#consistency = consistency;
    this.#warnings = warnings;
  }

  info(): FileSystemInfo {
    const { superblock } = this.#volume;
    const label = displayName(superblock.label);
    return {
      type: "xfs",
      ...(label === "" ? {} : { label }),
      uuid: formatUuid(superblock.uuid),
      blockSize: superblock.blockSize,
      size: superblock.blockCount * superblock.blockSize,
      features: featureNames(superblock.features),
      consistency: this.#consistency,
      warnings: this.#warnings,
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
    const inode = this.#inodes.peek(node);
    return inode && statOf(inode);
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
    return openContent(this.#volume, inode);
  }

  async xattrs(node: NodeId, signal?: AbortSignal): Promise<readonly ExtendedAttribute[]> {
    return readAttributes(this.#volume, await this.#inode(node, signal), signal);
  }

  async close(): Promise<void> {
    this.#volume.metadata.release();
  }

  async #inode(node: NodeId, signal?: AbortSignal): Promise<Inode> {
    signal?.throwIfAborted();
    return this.#inodes.read(node, signal);
  }

  async #directory(node: NodeId, signal?: AbortSignal): Promise<Directory> {
    const inode = await this.#inode(node, signal);
    if (inode.type !== "directory") throw new PathError("not-a-directory", `inode ${node}`);
    return new Directory(this.#volume, inode);
  }
}
