import { displayName } from "../../../bytes/byte-name.ts";
import { defaultLimits, type Limits } from "../../../bytes/limits.ts";
import { PathError, UnsupportedFeatureError } from "../../../errors.ts";
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
import { openContent } from "./content.ts";
import { Directory } from "./directory.ts";
import { readAttributes } from "./extended-attributes.ts";
import { featureNames, typeByFeatures } from "./features.ts";
import { GroupDescriptors } from "./group-descriptor.ts";
import { INODE_FLAG, type Inode, inodeHas, statOf } from "./inode.ts";
import { InodeTable, ROOT_INODE } from "./inode-table.ts";
import { parseSuperblock, SUPERBLOCK_OFFSET, SUPERBLOCK_SIZE } from "./superblock.ts";
import { readTarget } from "./symlink.ts";
import type { Volume } from "./volume.ts";

/** Bytes of metadata one open file system keeps. */
const METADATA_CACHE = 4 * 1024 * 1024;

export interface Ext4Options {
  readonly limits?: Limits;
  /** False shows the disk as it lies, without its journal. */
  readonly replay?: boolean;
  readonly signal?: AbortSignal;
}

export async function openExt4(source: ByteSource, options: Ext4Options = {}): Promise<FileSystem> {
  const limits = options.limits ?? defaultLimits;
  const metadata = new CachedSource(source, { budget: METADATA_CACHE });
  const bytes = await metadata.read(SUPERBLOCK_OFFSET, SUPERBLOCK_SIZE, options.signal);
  const superblock = parseSuperblock(bytes, SUPERBLOCK_OFFSET);
  const volume: Volume = { superblock, data: source, metadata, limits };
  const groups = new GroupDescriptors(superblock, metadata, Math.floor(SUPERBLOCK_OFFSET / superblock.blockSize));
  return new Ext4FileSystem(
    volume,
    new InodeTable(superblock, groups, metadata),
    { state: "clean", detail: "clean" },
    groups.warnings,
  );
}

class Ext4FileSystem implements FileSystem {
  readonly root = ROOT_INODE;
  readonly #volume: Volume;
  readonly #inodes: InodeTable;
  readonly #consistency: Consistency;
  readonly #warnings: readonly string[];

  constructor(volume: Volume, inodes: InodeTable, consistency: Consistency, warnings: readonly string[]) {
    this.#volume = volume;
    this.#inodes = inodes;
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
      warnings: [...this.#warnings],
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

  async close(): Promise<void> {}

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

function formatUuid(uuid: Uint8Array): string {
  const digits = Buffer.from(uuid).toString("hex");
  return [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)].join(
    "-",
  );
}
