/** Which feature combinations are proven, and what each image holds. */

export interface ImageRecipe {
  readonly name: string;
  /** Arguments to mkfs.xfs, without the file name. */
  readonly mkfs: readonly string[];
  /** MiB. */
  readonly size: number;
  readonly blockSize: number;
  /** Parts of the ext4 tests' populate.py. */
  readonly parts: readonly string[];
  /** Parts of populate_xfs.py. */
  readonly ownParts?: readonly string[];
  /** Mount options while it is filled and compared. */
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
  "tiny",
  "shrunk",
] as const;

const OWN = ["attributes", "reflink", "comb"] as const;

export const RECIPES: readonly ImageRecipe[] = [
  { name: "defaults", mkfs: [], size: 128, blockSize: 4096, parts: [...ODD, "many", "deep"], ownParts: OWN },
  {
    name: "1K blocks",
    mkfs: ["-b", "size=1024"],
    size: 96,
    blockSize: 1024,
    parts: ODD,
    ownParts: OWN,
  },
  {
    name: "4K blocks, 16K directory blocks, 2K inodes",
    mkfs: ["-b", "size=4096", "-n", "size=16384", "-i", "size=2048"],
    size: 128,
    blockSize: 4096,
    parts: ODD,
    ownParts: OWN,
  },
  {
    name: "2K blocks, 1K inodes, no finobt, no reflink, no rmapbt",
    mkfs: ["-b", "size=2048", "-i", "size=1024", "-m", "finobt=0,reflink=0,rmapbt=0,inobtcount=0"],
    size: 96,
    blockSize: 2048,
    parts: ODD,
    ownParts: ["attributes", "comb"],
  },
  {
    name: "16K blocks",
    mkfs: ["-b", "size=16384"],
    size: 192,
    blockSize: 16384,
    parts: ODD,
    ownParts: OWN,
  },
  { name: "64K blocks", mkfs: ["-b", "size=65536"], size: 768, blockSize: 65536, parts: ODD, ownParts: OWN },
  {
    name: "4K sectors, log stripe unit of 32K",
    mkfs: ["-s", "size=4096", "-l", "su=32768"],
    size: 128,
    blockSize: 4096,
    parts: ODD,
    ownParts: OWN,
  },
  {
    name: "without sparse inode chunks",
    mkfs: ["-i", "sparse=0"],
    size: 96,
    blockSize: 4096,
    parts: ODD,
  },
  {
    name: "without bigtime",
    mkfs: ["-m", "bigtime=0"],
    size: 96,
    blockSize: 4096,
    parts: [...ODD, "deep"],
  },
  {
    name: "bigtime, nrext64, rmapbt",
    mkfs: ["-m", "bigtime=1,rmapbt=1", "-i", "nrext64=1"],
    size: 128,
    blockSize: 4096,
    parts: ODD,
    ownParts: OWN,
  },
  {
    name: "16 allocation groups, nearly full",
    mkfs: ["-d", "agcount=16"],
    size: 256,
    blockSize: 4096,
    parts: [...ODD, "deep"],
    ownParts: [...OWN, "full"],
  },
  { name: "64K directory blocks", mkfs: ["-n", "size=65536"], size: 128, blockSize: 4096, parts: [...ODD, "many"] },
  { name: "large directories with gaps", mkfs: [], size: 128, blockSize: 4096, parts: ["churn", "shrunk"] },
  {
    name: "large directories with gaps, 1K",
    mkfs: ["-b", "size=1024"],
    size: 128,
    blockSize: 1024,
    parts: ["churn", "shrunk"],
  },
  {
    name: "sparse inode chunks in fragmented space",
    mkfs: ["-b", "size=1024", "-i", "sparse=1"],
    size: 64,
    blockSize: 1024,
    parts: ["several"],
    ownParts: ["sparse_chunks"],
  },
  {
    name: "changed UUID (meta_uuid), label",
    mkfs: ["-L", "vm root"],
    size: 96,
    blockSize: 4096,
    parts: ODD,
    ownParts: OWN,
    after: [["xfs_admin", "-U", "2f0e8c1a-1111-4222-8333-444455556666", "IMAGE"]],
  },
  { name: "stripe geometry", mkfs: ["-d", "su=65536,sw=4"], size: 256, blockSize: 4096, parts: ODD, ownParts: OWN },
];
