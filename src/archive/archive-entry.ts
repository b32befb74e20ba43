/** What the tar and zip writers take: one guest file, directory or special file with its exact metadata. */
import type { ExtendedAttribute, FileType } from "../disk/filesystem/file-system.ts";
import type { SparseSource } from "../source/byte-source.ts";

export interface ArchiveEntry {
  /** Relative, no leading slash, `/` between names, no trailing slash; raw bytes. */
  readonly path: Uint8Array;
  readonly type: FileType;
  /** 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Nanoseconds since 1970. */
  readonly mtime: bigint;
  readonly atime?: bigint;
  readonly ctime?: bigint;
  /** Bytes; regular files only. */
  readonly size: number;
  /** Names the file has in its file system; more than one means that `hardLinkTo` may point here later. */
  readonly links?: number;
  /** Raw target; symlinks only. */
  readonly linkTarget?: Uint8Array;
  /** Path of an entry already written that is the same file. */
  readonly hardLinkTo?: Uint8Array;
  readonly device?: { readonly major: number; readonly minor: number };
  readonly xattrs?: readonly ExtendedAttribute[];
  /** Opens the content; regular files that are not `hardLinkTo`. Who opens it closes it. */
  open?(): Promise<SparseSource>;
}
