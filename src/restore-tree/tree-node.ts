/**
 * One node of the read-only tree that HTTP, SFTP, the CLI and archives all serve. Guest files and the
 * directories vmfr adds above them (`/backups/<backup>/…`) look the same from outside.
 */
import type { ExtendedAttribute, FileType, NodeStat } from "../disk/filesystem/file-system.ts";
import type { OperatingSystem } from "../disk/guest/operating-system.ts";
import type { SparseSource } from "../source/byte-source.ts";

export interface TreeStat extends Omit<NodeStat, "node"> {
  /** Same value, same file: hard links within a backup share it. Stable while the tree is open. */
  readonly identity: string;
}

export interface TreeChild {
  readonly name: Uint8Array;
  /** `unknown` where only stat tells. */
  readonly type: FileType;
  /** Pass as `after` to continue behind this child; opaque, ASCII, safe in a URL. */
  readonly cursor: string;
  /** The child itself, reached without another look-up; its type is `unknown` where this one's is. */
  readonly node: TreeNode;
  /** Children read in ascending order of this are read from neighbouring places of the disk; absent where that is no matter. */
  readonly position?: number;
}

export interface ListOptions {
  readonly after?: string;
  readonly signal?: AbortSignal;
}

export interface TreeNode {
  /** Absolute path in the tree by which this node was reached, raw bytes. */
  readonly path: Uint8Array;
  readonly type: FileType;

  stat(signal?: AbortSignal): Promise<TreeStat>;
  /** What `stat` gives, without waiting, where it can be had so; else undefined, or absent. Throws as `stat` does. */
  peekStat?(): TreeStat | undefined;
  /** Batches in disk order; constant memory. @throws PathError not-a-directory. */
  list(options?: ListOptions): AsyncIterable<readonly TreeChild[]>;
  /** By name; never follows symlinks, never accepts `.`, `..` or a slash. */
  child(name: Uint8Array, signal?: AbortSignal): Promise<TreeNode | undefined>;
  /** Raw target as the guest stored it. @throws PathError not-a-symlink. */
  readLink(signal?: AbortSignal): Promise<Uint8Array>;
  /** @throws PathError not-a-file for anything but a regular file. */
  open(signal?: AbortSignal): Promise<SparseSource>;
  xattrs(signal?: AbortSignal): Promise<readonly ExtendedAttribute[]>;
}

export interface ResolveOptions {
  /** Follow a symlink in the last place too (default true). Earlier ones are always followed. */
  readonly followLast?: boolean;
  readonly signal?: AbortSignal;
}

export interface RestoreTree {
  /**
   * The one way from a path to a node. `..` never climbs above the tree; a guest's symlinks, absolute ones
   * included, resolve inside that guest's own root and nowhere else.
   * @throws PathError
   */
  resolve(path: Uint8Array, options?: ResolveOptions): Promise<TreeNode>;
  /** What METADATA.json says. */
  inventory(): Promise<Inventory>;
  close(): Promise<void>;
}

/** METADATA.json: what is in the tree, in which state, and why something is not. */
export interface Inventory {
  readonly generatedAt: string;
  readonly backups: readonly BackupInventory[];
}

export interface BackupInventory {
  readonly name: string;
  /** RFC 3339; the backup's completion. Absent for local disk images. */
  readonly completedAt?: string;
  readonly vm: { readonly namespace: string; readonly name: string };
  readonly disks: readonly DiskInventory[];
}

export interface DiskInventory {
  /** PVC name. */
  readonly name: string;
  /** `not-opened` until somebody looks inside. */
  readonly state: "not-opened" | "available" | "unavailable";
  /** Tree path of the disk's directory. */
  readonly path: string;
  readonly size?: number;
  readonly format?: string;
  readonly partitionTable?: string;
  /** Of the guest that boots from this disk, where it was recognised. */
  readonly operatingSystem?: OperatingSystem;
  readonly fileSystems: readonly FileSystemInventory[];
  /** Why the disk, or part of it, cannot be read. */
  readonly reasons: readonly string[];
}

export interface FileSystemInventory {
  readonly volume: string;
  readonly type: string;
  readonly label?: string;
  readonly uuid?: string;
  readonly size: number;
  readonly consistency: { readonly state: string; readonly detail: string };
  readonly warnings: readonly string[];
  /** Tree path where its root is. */
  readonly path: string;
}
