/**
 * Bounds on what a disk, bucket, client or manifest may make vmfr do. Every parser takes its bound from
 * here as a default and throws LimitError when it is reached; tests pass their own.
 */
export interface Limits {
  /** Names in one path. */
  readonly pathDepth: number;
  /** Symbolic links followed while resolving one path; the kernel's figure. */
  readonly symlinks: number;
  /** Bytes of a symlink target. */
  readonly symlinkTarget: number;
  /** Bytes of one extended attribute's value; the kernel's figure. */
  readonly xattrValue: number;
  /** Depth of an extent or index tree. */
  readonly treeDepth: number;
  /** Runs one file's map may hold in memory at once. */
  readonly mapRuns: number;
  /** Bytes of journal replayed in memory: blocks kept in the overlay. */
  readonly journalOverlay: number;
  /** Partitions on one disk; also bounds chains of logical partitions. */
  readonly partitions: number;
  /** Bytes of a volume group's metadata text (areas are 1 MiB unless an administrator chose otherwise). */
  readonly lvmMetadata: number;
  /** Bytes that deriving the key of an encrypted volume may take; cryptsetup itself takes no more unless it is told to. */
  readonly keyDerivationMemory: number;
  /** Work for one passphrase on one encrypted volume: iterations of PBKDF2, or KiB gone over by Argon2. */
  readonly keyDerivationWork: number;
  /** Logical volumes, arrays and opened containers one on top of the other. */
  readonly volumeDepth: number;
  /** Bytes of a decompressed JSON or metadata object from a bucket. */
  readonly metadataObject: number;
  /** Bytes one member of a backup tarball may have before it is ignored (etcd's limit is 1.5 MiB). */
  readonly tarballMember: number;
  /** Bytes of one of a backup's small objects (description, volume and resource lists), packed or unpacked. */
  readonly backupObject: number;
  /** Bytes a backup's tarball may unpack to. */
  readonly tarball: number;
  /** Bytes of the members of one tarball that are parsed and kept. */
  readonly tarballKept: number;
  /** Entries in a Kopia seek table (1 TiB of zeros is 524,288). */
  readonly seekTableEntries: number;
  /** Nested levels of indirect Kopia objects. */
  readonly indirectDepth: number;
  /** Bytes of one answer of the Kubernetes API server; a page holds 500 objects of at most 1.5 MiB, mostly of few KiB. */
  readonly kubeAnswer: number;
  /** Bytes of one event of a watch: one object as JSON. */
  readonly kubeWatchEvent: number;
}

export const defaultLimits: Limits = {
  pathDepth: 10_000,
  symlinks: 40,
  symlinkTarget: 64 * 1024,
  xattrValue: 64 * 1024,
  treeDepth: 16,
  mapRuns: 4_000_000,
  journalOverlay: 1024 * 1024 * 1024,
  partitions: 256,
  lvmMetadata: 16 * 1024 * 1024,
  keyDerivationMemory: 1024 * 1024 * 1024,
  keyDerivationWork: 256 * 1024 * 1024,
  volumeDepth: 16,
  metadataObject: 512 * 1024 * 1024,
  tarballMember: 8 * 1024 * 1024,
  backupObject: 64 * 1024 * 1024,
  tarball: 64 * 1024 * 1024 * 1024,
  tarballKept: 256 * 1024 * 1024,
  seekTableEntries: 32 * 1024 * 1024,
  indirectDepth: 8,
  kubeAnswer: 256 * 1024 * 1024,
  kubeWatchEvent: 16 * 1024 * 1024,
};
