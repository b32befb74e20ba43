/** Which feature combinations are proven, and what each image holds. */

export interface ImageRecipe {
  readonly name: string;
  /** Arguments to mke2fs, without the file name. */
  readonly mkfs: readonly string[];
  /** MiB. */
  readonly size: number;
  readonly blockSize: number;
  /** Parts of populate.py. */
  readonly parts: readonly string[];
  /** Mount options while it is filled. */
  readonly mount?: string;
  /** Commands run on the image after it was unmounted, `IMAGE` standing for its name. */
  readonly after?: readonly (readonly string[])[];
}

/** Everything that is small. */
const ODD = [
  "sizes",
  "sparse",
  "unwritten",
  "fragmented",
  "several",
  "links",
  "special",
  "modes",
  "names",
  "xattrs",
  "times",
  "flags",
  "tiny",
] as const;

const EXT4 = ["-t", "ext4"] as const;
const NO_JOURNAL = ["-O", "^has_journal"] as const;

export const RECIPES: readonly ImageRecipe[] = [
  { name: "ext4 defaults", mkfs: [...EXT4, "-b", "4096"], size: 64, blockSize: 4096, parts: [...ODD, "many", "deep"] },
  { name: "ext2 1K", mkfs: ["-t", "ext2", "-b", "1024"], size: 48, blockSize: 1024, parts: [...ODD, "deep"] },
  {
    name: "ext2 2K blocks, 128-byte inodes",
    mkfs: ["-t", "ext2", "-b", "2048", "-I", "128"],
    size: 48,
    blockSize: 2048,
    parts: ODD,
  },
  {
    name: "ext2 4K without filetype and dir_index",
    mkfs: ["-t", "ext2", "-b", "4096", "-O", "none"],
    size: 48,
    blockSize: 4096,
    parts: ODD,
  },
  {
    name: "ext2 revision 0",
    mkfs: ["-t", "ext2", "-b", "1024", "-r", "0"],
    size: 32,
    blockSize: 1024,
    parts: ["sizes", "several", "links", "special", "modes", "names"],
  },
  {
    name: "ext3 1K with journal",
    mkfs: ["-t", "ext3", "-b", "1024"],
    size: 48,
    blockSize: 1024,
    parts: [...ODD, "shrunk"],
  },
  {
    name: "ext3 4K, 128-byte inodes",
    mkfs: ["-t", "ext3", "-b", "4096", "-I", "128"],
    size: 48,
    blockSize: 4096,
    parts: ODD,
  },
  { name: "ext4 1K", mkfs: [...EXT4, "-b", "1024"], size: 48, blockSize: 1024, parts: [...ODD, "deep", "shrunk"] },
  {
    name: "ext4 2K, 512-byte inodes",
    mkfs: [...EXT4, "-b", "2048", "-I", "512"],
    size: 48,
    blockSize: 2048,
    parts: ODD,
  },
  { name: "ext4 1024-byte inodes", mkfs: [...EXT4, "-b", "4096", "-I", "1024"], size: 64, blockSize: 4096, parts: ODD },
  { name: "ext4 128-byte inodes", mkfs: [...EXT4, "-b", "4096", "-I", "128"], size: 48, blockSize: 4096, parts: ODD },
  {
    name: "ext4 ^extent, block-mapped",
    mkfs: [...EXT4, "-b", "4096", "-O", "^extent,^64bit,^flex_bg"],
    size: 48,
    blockSize: 4096,
    parts: ODD,
  },
  {
    name: "ext4 1K ^extent",
    mkfs: [...EXT4, "-b", "1024", "-O", "^extent,^64bit"],
    size: 48,
    blockSize: 1024,
    parts: ODD,
  },
  {
    name: "bigalloc 16K clusters",
    mkfs: [...EXT4, "-b", "4096", "-O", "bigalloc", "-C", "16384"],
    size: 128,
    blockSize: 4096,
    parts: ODD,
  },
  {
    name: "inline_data",
    mkfs: [...EXT4, "-b", "4096", "-O", "inline_data"],
    size: 48,
    blockSize: 4096,
    parts: [...ODD, "deep"],
  },
  {
    name: "inline_data 1K, 1024-byte inodes",
    mkfs: [...EXT4, "-b", "1024", "-O", "inline_data", "-I", "1024"],
    size: 48,
    blockSize: 1024,
    parts: ODD,
  },
  {
    name: "meta_bg",
    mkfs: [...EXT4, "-b", "1024", "-O", "meta_bg,^resize_inode"],
    size: 64,
    blockSize: 1024,
    parts: ODD,
  },
  {
    name: "meta_bg 64bit ^flex_bg",
    mkfs: [...EXT4, "-b", "1024", "-O", "meta_bg,64bit,^flex_bg,^resize_inode"],
    size: 64,
    blockSize: 1024,
    parts: ODD,
  },
  { name: "^flex_bg", mkfs: [...EXT4, "-b", "1024", "-O", "^flex_bg"], size: 48, blockSize: 1024, parts: ODD },
  { name: "^64bit", mkfs: [...EXT4, "-b", "4096", "-O", "^64bit"], size: 48, blockSize: 4096, parts: ODD },
  {
    name: "^metadata_csum, uninit_bg",
    mkfs: [...EXT4, "-b", "4096", "-O", "^metadata_csum,uninit_bg"],
    size: 48,
    blockSize: 4096,
    parts: ODD,
  },
  {
    name: "metadata_csum_seed with a changed UUID",
    mkfs: [...EXT4, "-b", "4096", "-O", "metadata_csum,metadata_csum_seed"],
    size: 48,
    blockSize: 4096,
    parts: ODD,
    after: [["tune2fs", "-f", "-U", "11111111-2222-3333-4444-555555555555", "IMAGE"]],
  },
  {
    name: "ea_inode",
    mkfs: [...EXT4, "-b", "4096", "-O", "ea_inode"],
    size: 48,
    blockSize: 4096,
    parts: [...ODD, "deep"],
  },
  { name: "ea_inode 1K", mkfs: [...EXT4, "-b", "1024", "-O", "ea_inode"], size: 48, blockSize: 1024, parts: ODD },
  {
    name: "large_dir, 1K, 50,000 names deleted in part",
    mkfs: [...EXT4, "-b", "1024", "-O", "large_dir"],
    size: 48,
    blockSize: 1024,
    parts: ["churn", "shrunk"],
  },
  {
    name: "dir_index, 4K, 50,000 names deleted in part",
    mkfs: [...EXT4, "-b", "4096"],
    size: 48,
    blockSize: 4096,
    parts: ["churn", "shrunk"],
  },
  {
    name: "ext3 dir_index, 1K, 50,000 names",
    mkfs: ["-t", "ext3", "-b", "1024", "-O", "dir_index"],
    size: 48,
    blockSize: 1024,
    parts: ["churn"],
  },
  {
    // A kernel without the quota format mounts these read-only, so the feature comes after the files.
    name: "quota and project",
    mkfs: [...EXT4, "-b", "4096"],
    size: 48,
    blockSize: 4096,
    parts: ODD,
    after: [["tune2fs", "-O", "quota,project", "-Q", "usrquota,grpquota,prjquota", "IMAGE"]],
  },
  { name: "orphan_file", mkfs: [...EXT4, "-b", "4096", "-O", "orphan_file"], size: 48, blockSize: 4096, parts: ODD },
  {
    name: "sparse_super2",
    mkfs: [...EXT4, "-b", "1024", "-O", "sparse_super2,^resize_inode", "-E", "num_backup_sb=2"],
    size: 48,
    blockSize: 1024,
    parts: ODD,
  },
  {
    name: "^sparse_super",
    mkfs: [...EXT4, "-b", "1024", "-O", "^sparse_super,^resize_inode"],
    size: 48,
    blockSize: 1024,
    parts: ["sizes", "several"],
  },
  {
    name: "mmp",
    mkfs: [...EXT4, "-b", "4096", "-O", "mmp", "-E", "mmp_update_interval=1"],
    size: 32,
    blockSize: 4096,
    parts: ["sizes", "several"],
  },
  {
    name: "stable_inodes",
    mkfs: [...EXT4, "-b", "4096", "-O", "stable_inodes"],
    size: 48,
    blockSize: 4096,
    parts: ODD,
  },
  { name: "no journal", mkfs: [...EXT4, "-b", "4096", ...NO_JOURNAL], size: 48, blockSize: 4096, parts: ODD },
  { name: "fast_commit", mkfs: [...EXT4, "-b", "4096", "-O", "fast_commit"], size: 48, blockSize: 4096, parts: ODD },
  {
    name: "nothing but ext4's minimum",
    mkfs: [...EXT4, "-b", "4096", "-O", "none,extent,filetype", "-I", "256"],
    size: 48,
    blockSize: 4096,
    parts: ODD,
  },
  {
    // Filled with a key, compared without: names as the kernel encodes them, content refused by both.
    // No symlinks: the kernel makes up targets for them, vmfr refuses them like content.
    name: "encrypt",
    mkfs: [...EXT4, "-b", "4096", "-O", "encrypt"],
    size: 48,
    blockSize: 4096,
    mount: "test_dummy_encryption",
    parts: ["sizes", "several", "names", "special", "tiny"],
  },
  {
    name: "everything new at once",
    mkfs: [
      ...EXT4,
      "-b",
      "4096",
      "-I",
      "512",
      "-O",
      "inline_data,ea_inode,metadata_csum_seed,orphan_file,fast_commit,large_dir",
    ],
    size: 64,
    blockSize: 4096,
    parts: [...ODD, "many", "deep"],
    after: [["tune2fs", "-O", "quota,project", "IMAGE"]],
  },
  {
    name: "huge_file and dir_nlink with 16K clusters, 1K blocks",
    mkfs: [...EXT4, "-b", "1024", "-O", "bigalloc,huge_file,dir_nlink", "-C", "16384"],
    size: 128,
    blockSize: 1024,
    parts: ODD,
  },
  {
    name: "inode size extra 0 (ext3 upgraded)",
    mkfs: ["-t", "ext3", "-b", "4096", "-I", "256"],
    size: 48,
    blockSize: 4096,
    parts: ODD,
    after: [
      ["tune2fs", "-O", "extent,uninit_bg,dir_index", "IMAGE"],
      ["e2fsck", "-fyD", "IMAGE"],
    ],
  },
];
