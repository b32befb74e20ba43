/**
 * Feature words of the superblock (kernel Documentation/filesystems/ext4/super.rst), with the names
 * e2fsprogs prints. A feature absent from these tables is shown by its word and bit: `FEATURE_I31`.
 */

export const COMPAT = {
  DIR_PREALLOC: 0x1,
  IMAGIC_INODES: 0x2,
  HAS_JOURNAL: 0x4,
  EXT_ATTR: 0x8,
  RESIZE_INODE: 0x10,
  DIR_INDEX: 0x20,
  LAZY_BG: 0x40,
  EXCLUDE_BITMAP: 0x100,
  SPARSE_SUPER2: 0x200,
  FAST_COMMIT: 0x400,
  STABLE_INODES: 0x800,
  ORPHAN_FILE: 0x1000,
} as const;

export const INCOMPAT = {
  COMPRESSION: 0x1,
  FILETYPE: 0x2,
  RECOVER: 0x4,
  JOURNAL_DEV: 0x8,
  META_BG: 0x10,
  EXTENTS: 0x40,
  "64BIT": 0x80,
  MMP: 0x100,
  FLEX_BG: 0x200,
  EA_INODE: 0x400,
  DIRDATA: 0x1000,
  CSUM_SEED: 0x2000,
  LARGEDIR: 0x4000,
  INLINE_DATA: 0x8000,
  ENCRYPT: 0x10000,
  CASEFOLD: 0x20000,
} as const;

export const RO_COMPAT = {
  SPARSE_SUPER: 0x1,
  LARGE_FILE: 0x2,
  BTREE_DIR: 0x4,
  HUGE_FILE: 0x8,
  GDT_CSUM: 0x10,
  DIR_NLINK: 0x20,
  EXTRA_ISIZE: 0x40,
  QUOTA: 0x100,
  BIGALLOC: 0x200,
  METADATA_CSUM: 0x400,
  REPLICA: 0x800,
  READONLY: 0x1000,
  PROJECT: 0x2000,
  SHARED_BLOCKS: 0x4000,
  VERITY: 0x8000,
  ORPHAN_PRESENT: 0x10000,
} as const;

type NameTable = ReadonlyMap<number, string>;

const COMPAT_NAMES: NameTable = new Map<number, string>([
  [COMPAT.DIR_PREALLOC, "dir_prealloc"],
  [COMPAT.IMAGIC_INODES, "imagic_inodes"],
  [COMPAT.HAS_JOURNAL, "has_journal"],
  [COMPAT.EXT_ATTR, "ext_attr"],
  [COMPAT.RESIZE_INODE, "resize_inode"],
  [COMPAT.DIR_INDEX, "dir_index"],
  [COMPAT.LAZY_BG, "lazy_bg"],
  [COMPAT.EXCLUDE_BITMAP, "snapshot_bitmap"],
  [COMPAT.SPARSE_SUPER2, "sparse_super2"],
  [COMPAT.FAST_COMMIT, "fast_commit"],
  [COMPAT.STABLE_INODES, "stable_inodes"],
  [COMPAT.ORPHAN_FILE, "orphan_file"],
]);

const INCOMPAT_NAMES: NameTable = new Map<number, string>([
  [INCOMPAT.COMPRESSION, "compression"],
  [INCOMPAT.FILETYPE, "filetype"],
  [INCOMPAT.RECOVER, "needs_recovery"],
  [INCOMPAT.JOURNAL_DEV, "journal_dev"],
  [INCOMPAT.META_BG, "meta_bg"],
  [INCOMPAT.EXTENTS, "extent"],
  [INCOMPAT["64BIT"], "64bit"],
  [INCOMPAT.MMP, "mmp"],
  [INCOMPAT.FLEX_BG, "flex_bg"],
  [INCOMPAT.EA_INODE, "ea_inode"],
  [INCOMPAT.DIRDATA, "dirdata"],
  [INCOMPAT.CSUM_SEED, "metadata_csum_seed"],
  [INCOMPAT.LARGEDIR, "large_dir"],
  [INCOMPAT.INLINE_DATA, "inline_data"],
  [INCOMPAT.ENCRYPT, "encrypt"],
  [INCOMPAT.CASEFOLD, "casefold"],
]);

const RO_COMPAT_NAMES: NameTable = new Map<number, string>([
  [RO_COMPAT.SPARSE_SUPER, "sparse_super"],
  [RO_COMPAT.LARGE_FILE, "large_file"],
  [RO_COMPAT.HUGE_FILE, "huge_file"],
  [RO_COMPAT.GDT_CSUM, "uninit_bg"],
  [RO_COMPAT.DIR_NLINK, "dir_nlink"],
  [RO_COMPAT.EXTRA_ISIZE, "extra_isize"],
  [RO_COMPAT.QUOTA, "quota"],
  [RO_COMPAT.BIGALLOC, "bigalloc"],
  [RO_COMPAT.METADATA_CSUM, "metadata_csum"],
  [RO_COMPAT.REPLICA, "replica"],
  [RO_COMPAT.READONLY, "read-only"],
  [RO_COMPAT.PROJECT, "project"],
  [RO_COMPAT.SHARED_BLOCKS, "shared_blocks"],
  [RO_COMPAT.VERITY, "verity"],
  [RO_COMPAT.ORPHAN_PRESENT, "orphan_present"],
]);

/** What a reader must understand before it may trust anything: these are understood, all others are refused. */
const READABLE_INCOMPAT =
  INCOMPAT.FILETYPE |
  INCOMPAT.RECOVER |
  INCOMPAT.META_BG |
  INCOMPAT.EXTENTS |
  INCOMPAT["64BIT"] |
  INCOMPAT.MMP |
  INCOMPAT.FLEX_BG |
  INCOMPAT.EA_INODE |
  INCOMPAT.CSUM_SEED |
  INCOMPAT.LARGEDIR |
  INCOMPAT.INLINE_DATA |
  INCOMPAT.ENCRYPT |
  INCOMPAT.CASEFOLD;

export interface FeatureWords {
  readonly compat: number;
  readonly incompat: number;
  readonly roCompat: number;
}

function namesOf(word: number, table: NameTable, letter: string): string[] {
  const names: string[] = [];
  for (let bit = 0; bit < 32; bit++) {
    const mask = (1 << bit) >>> 0;
    if ((word & mask) >>> 0 !== 0) names.push(table.get(mask) ?? `FEATURE_${letter}${bit}`);
  }
  return names;
}

/** Every feature by its e2fsprogs name: compatible ones first, then incompatible, then read-only compatible. */
export function featureNames(words: FeatureWords): string[] {
  return [
    ...namesOf(words.compat, COMPAT_NAMES, "C"),
    ...namesOf(words.incompat, INCOMPAT_NAMES, "I"),
    ...namesOf(words.roCompat, RO_COMPAT_NAMES, "R"),
  ];
}

/** Names of the incompatible features that this reader does not understand. */
export function unreadableFeatures(words: FeatureWords): string[] {
  return namesOf((words.incompat & ~READABLE_INCOMPAT) >>> 0, INCOMPAT_NAMES, "I");
}

const EXT3_INCOMPAT = INCOMPAT.FILETYPE | INCOMPAT.RECOVER | INCOMPAT.META_BG;
const EXT3_RO_COMPAT = RO_COMPAT.SPARSE_SUPER | RO_COMPAT.LARGE_FILE | RO_COMPAT.BTREE_DIR;

/** The name `blkid` gives: what the oldest driver is that could mount it. */
export function typeByFeatures(words: FeatureWords): "ext2" | "ext3" | "ext4" {
  if ((words.incompat & ~EXT3_INCOMPAT) !== 0 || (words.roCompat & ~EXT3_RO_COMPAT) !== 0) return "ext4";
  return (words.compat & COMPAT.HAS_JOURNAL) === 0 ? "ext2" : "ext3";
}
