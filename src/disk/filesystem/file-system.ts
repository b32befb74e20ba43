/**
 * What every guest file system looks like to the rest of vmfr: read-only, names as bytes, addressed by
 * node ids so that a renamed or oddly named file is still reachable.
 */
import type { SparseSource } from "../../source/byte-source.ts";

/** Inode number or the format's equivalent; opaque outside the format's own folder. */
export type NodeId = number;

export type FileType =
  | "file"
  | "directory"
  | "symlink"
  | "fifo"
  | "socket"
  | "character-device"
  | "block-device"
  | "unknown";

export interface DirectoryEntry {
  /** Raw name bytes as stored; never `.` or `..`, never empty, may hold anything else the disk says. */
  readonly name: Uint8Array;
  readonly node: NodeId;
  /** `unknown` where the directory does not record it; stat tells. */
  readonly type: FileType;
  /** Pass as `after` to continue behind this entry. */
  readonly cursor: number;
}

export interface ReadDirectoryOptions {
  /** Cursor of the last entry already seen; absent starts at the beginning. */
  readonly after?: number;
  readonly signal?: AbortSignal;
}

export interface NodeStat {
  readonly node: NodeId;
  readonly type: FileType;
  /** Permission bits with setuid, setgid and sticky: 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes; for a symlink the length of its target. */
  readonly size: number;
  /** Bytes the file occupies on the disk. */
  readonly allocated: number;
  readonly links: number;
  /** Nanoseconds since 1970-01-01T00:00:00Z; may be negative. */
  readonly mtime: bigint;
  readonly atime: bigint;
  readonly ctime: bigint;
  /** Absent where the format does not record it. */
  readonly birthtime?: bigint;
  readonly device?: { readonly major: number; readonly minor: number };
  /** Where owners are not numbers: the security identifier of NTFS, `S-1-5-32-544`. */
  readonly owner?: string;
  /** Format flags worth showing, lower case: `immutable`, `append-only`, `encrypted`, `compressed`, … */
  readonly flags?: readonly string[];
}

/** One extended attribute; the name carries its namespace (`user.`, `security.`, `system.posix_acl_access`) as Linux shows it. */
export interface ExtendedAttribute {
  readonly name: Uint8Array;
  readonly value: Uint8Array;
}

/** One of the named streams that NTFS keeps beside a file's content. */
export interface NamedStream {
  readonly name: Uint8Array;
  /** Bytes. */
  readonly size: number;
  /** Bytes it occupies on the disk. */
  readonly allocated: number;
}

/** How much the served view can be trusted to be what the guest would have seen after booting. */
export interface Consistency {
  readonly state: "clean" | "replayed" | "raw";
  /** One sentence for people: "clean", "journal replayed in memory (12 transactions)", "journal damaged, raw view: …". */
  readonly detail: string;
}

export interface FileSystemInfo {
  /** Lower case, as `mount -t` takes it: `ext4`, `xfs`, `ntfs`, `vfat`, `exfat`. */
  readonly type: string;
  /** For display only; undefined or empty when unset. */
  readonly label?: string;
  /** As `blkid` prints it. */
  readonly uuid?: string;
  readonly blockSize: number;
  /** Bytes. */
  readonly size: number;
  readonly features: readonly string[];
  readonly consistency: Consistency;
  /** Sentences about damage found on opening that affects part of the file system only. */
  readonly warnings: readonly string[];
}

export interface FileSystem {
  readonly root: NodeId;

  info(): FileSystemInfo;

  /** The entry of that name by the format's own rules (bytes on ext and XFS, folded on NTFS and FAT), or undefined. */
  lookup(directory: NodeId, name: Uint8Array, signal?: AbortSignal): Promise<DirectoryEntry | undefined>;

  /** Entries in disk order, in batches as they are read; constant memory however large the directory. */
  readDirectory(directory: NodeId, options?: ReadDirectoryOptions): AsyncIterable<readonly DirectoryEntry[]>;

  stat(node: NodeId, signal?: AbortSignal): Promise<NodeStat>;

  /**
   * What `stat` gives, without waiting, where everything needed is in memory; else undefined. Throws as `stat` does.
   * Absent where there is no such way.
   */
  peekStat?(node: NodeId): NodeStat | undefined;

  /** Raw target bytes. */
  readLink(node: NodeId, signal?: AbortSignal): Promise<Uint8Array>;

  /**
   * @throws UnsupportedFeatureError when the bytes are not readable as the guest would read them (encrypted, …);
   *         never returns other bytes instead.
   */
  openFile(node: NodeId, signal?: AbortSignal): Promise<SparseSource>;

  /** In the order the kernel lists them is not promised; names are unique. */
  xattrs(node: NodeId, signal?: AbortSignal): Promise<readonly ExtendedAttribute[]>;

  /** Absent for formats without named streams. Those small enough are among the xattrs too, as `user.<name>`. */
  streams?(node: NodeId, signal?: AbortSignal): Promise<readonly NamedStream[]>;

  /**
   * By the exact name `streams` gave.
   * @throws PathError when there is no such stream, UnsupportedFeatureError as openFile does
   */
  openStream?(node: NodeId, name: Uint8Array, signal?: AbortSignal): Promise<SparseSource>;

  /** Does not close the source below it. */
  close(): Promise<void>;
}
