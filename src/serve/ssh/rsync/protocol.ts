/** Numbers of rsync's protocol, versions 27 to 32, by the names of its source (rsync.h, io.h, compat.c, acls.c). */

export const OLDEST_PROTOCOL = 27;
export const NEWEST_PROTOCOL = 32;

/** What precedes an entry of the file list. Some bits meant other things in older versions. */
export const EntryFlag = {
  TOP_DIR: 1 << 0,
  SAME_MODE: 1 << 1,
  /** Before version 28. */
  SAME_RDEV_OLD: 1 << 2,
  /** Since version 28. */
  EXTENDED_FLAGS: 1 << 2,
  SAME_UID: 1 << 3,
  SAME_GID: 1 << 4,
  SAME_NAME: 1 << 5,
  LONG_NAME: 1 << 6,
  SAME_TIME: 1 << 7,
  /** Devices. */
  SAME_RDEV_MAJOR: 1 << 8,
  /** Directories, since version 30. */
  NO_CONTENT_DIR: 1 << 8,
  HARD_LINKED: 1 << 9,
  /** Versions 28 and 29. */
  SAME_DEV_OLD: 1 << 10,
  /** Versions 28 and 29. */
  RDEV_MINOR_8_OLD: 1 << 11,
  /** Since version 30. */
  HARD_LINK_FIRST: 1 << 12,
  IO_ERROR_END_OF_LIST: 1 << 12,
  MOD_NSEC: 1 << 13,
  SAME_ATIME: 1 << 14,
  CRTIME_EQ_MTIME: 1 << 17,
} as const;

export const CompatibilityFlag = {
  INCREMENTAL_RECURSION: 1 << 0,
  SYMLINK_TIMES: 1 << 1,
  SAFE_FILE_LIST: 1 << 3,
  AVOID_XATTR_OPTIMIZATION: 1 << 4,
  CHECKSUM_SEED_FIX: 1 << 5,
  VARINT_FLIST_FLAGS: 1 << 7,
  ID0_NAMES: 1 << 8,
} as const;

export const ItemFlag = {
  REPORT_XATTR: 1 << 8,
  BASIS_TYPE_FOLLOWS: 1 << 11,
  XNAME_FOLLOWS: 1 << 12,
  IS_NEW: 1 << 13,
  LOCAL_CHANGE: 1 << 14,
  TRANSFER: 1 << 15,
} as const;

/** Kind of basis file: the file itself, as opposed to a partial or similarly named one. */
export const BASIS_IS_FILE = 0x80;

/** Added to a message's number in the header of its frame. */
export const FRAME_BASE = 7;

export const Message = {
  DATA: 0,
  ERROR_XFER: 1,
  INFO: 2,
  ERROR: 3,
  WARNING: 4,
  IO_ERROR: 22,
  NOOP: 42,
  ERROR_EXIT: 86,
  SUCCESS: 100,
  DELETED: 101,
  NO_SEND: 102,
} as const;

/** Of compressed data the client takes at once: its length has 14 bits. */
export const MAX_COMPRESSED_LENGTH = 16_383;

export const FileIndex = {
  DONE: -1,
  END_OF_LISTS: -2,
  DELETION_STATISTICS: -3,
  /** Minus the number of a directory: the list of what is in it. */
  LIST_OFFSET: -101,
} as const;

export const IoError = { GENERAL: 1, VANISHED: 2 } as const;

export const ExitStatus = {
  OK: 0,
  SYNTAX: 1,
  PROTOCOL: 2,
  UNSUPPORTED: 4,
  PARTIAL: 23,
  VANISHED: 24,
} as const;

/** Bytes of a path in the file list, terminator included; clients end at longer ones. */
export const MAX_PATH = 4096;
