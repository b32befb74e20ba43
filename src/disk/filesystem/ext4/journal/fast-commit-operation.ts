/**
 * What fast commits record, as typed operations in the order in which they apply on top of the replayed
 * blocks. Everything here is validated: inode and block numbers lie inside the file system, names are legal.
 *
 * Specification: Linux fs/ext4/fast_commit.h; Documentation/filesystems/ext4/journal.rst, "Fast commits".
 */

/** Logical blocks of an inode now map to these physical blocks; replaces what was mapped there. */
interface AddRange {
  readonly kind: "add-range";
  readonly inode: number;
  /** First logical block. */
  readonly logicalBlock: number;
  /** Blocks; at least 1. */
  readonly length: number;
  readonly physicalBlock: number;
  /** Allocated but never written: reads as zeros. */
  readonly unwritten: boolean;
}

/** Logical blocks of an inode are no longer mapped. */
interface DeleteRange {
  readonly kind: "delete-range";
  readonly inode: number;
  readonly logicalBlock: number;
  /** Blocks; at least 1. */
  readonly length: number;
}

/** A name appears in (`create`, `link`) or disappears from (`unlink`) a directory. */
interface DentryChange {
  readonly kind: "create" | "link" | "unlink";
  readonly parent: number;
  readonly inode: number;
  /** 1 to 255 bytes without NUL and slash. */
  readonly name: Uint8Array;
}

/**
 * The inode's image as logged. Its extent tree or block map is not part of the change: an inode that maps
 * blocks keeps the map it has (i_block), which AddRange and DeleteRange then edit; inline data is logged whole.
 */
export interface InodeImage {
  readonly kind: "inode";
  readonly inode: number;
  /** 128 bytes plus i_extra_isize of them, at most the file system's inode size; on-disk layout. */
  readonly image: Uint8Array;
}

export type FastCommitOperation = AddRange | DeleteRange | DentryChange | InodeImage;

export interface FastCommitLog {
  /** Complete fast commits found. */
  readonly commits: number;
  readonly operations: readonly FastCommitOperation[];
}
