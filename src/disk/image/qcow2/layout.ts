/**
 * On-disk layout of QEMU's qcow2 format, versions 2 and 3. All integers are big-endian.
 * Specification: docs/interop/qcow2.rst of QEMU.
 */

/** "QFI\xfb" */
export const MAGIC = 0x514649fb;

/** Offsets in the header, in bytes. */
export const HEADER = {
  magic: 0,
  version: 4,
  backingFileOffset: 8,
  backingFileSize: 16,
  clusterBits: 20,
  size: 24,
  cryptMethod: 32,
  l1Size: 36,
  l1TableOffset: 40,
  snapshotCount: 60,
  snapshotsOffset: 64,
  /** From here on version 3 only. */
  incompatibleFeatures: 72,
  headerLength: 100,
  /** Present when header_length is greater than 104. */
  compressionType: 104,
} as const;

export const HEADER_LENGTH_V2 = 72;
export const HEADER_LENGTH_V3 = 104;

/** Bits of incompatible_features, which all fit into its lower 32 bits. */
export const INCOMPATIBLE = {
  dirty: 1 << 0,
  corrupt: 1 << 1,
  externalDataFile: 1 << 2,
  compressionType: 1 << 3,
  extendedL2: 1 << 4,
} as const;

/** Header extension types. */
export const EXTENSION = {
  end: 0,
  backingFormat: 0xe2792aca,
  featureNames: 0x6803f857,
  bitmaps: 0x23852875,
} as const;

/** Offsets in an entry of the snapshot table, in bytes; extra data, id and name follow at 40. */
export const SNAPSHOT = { idSize: 12, nameSize: 14, extraDataSize: 36, length: 40 } as const;

/** Upper half (bits 32 to 63) of an L1 or L2 entry. */
export const ENTRY_HIGH = {
  /** Bit 62: the rest of the entry is a compressed cluster descriptor. */
  compressed: 0x4000_0000,
  /** Bits 32 to 55 of the host offset. */
  offset: 0x00ff_ffff,
  /** Bits 32 to 61 of a compressed cluster descriptor. */
  descriptor: 0x3fff_ffff,
} as const;

/** Lower half (bits 0 to 31) of an L1 or L2 entry. */
export const ENTRY_LOW = {
  /** Bits 9 to 31 of the host offset. */
  offset: 0xffff_fe00,
  /** Bit 0 of a standard L2 entry: the cluster reads as zeros; version 3 without extended L2 entries only. */
  zero: 1,
} as const;

/** Subclusters of a cluster with extended L2 entries. */
export const SUBCLUSTERS = 32;

/** Unit of a compressed cluster's length. */
export const COMPRESSED_SECTOR = 512;
