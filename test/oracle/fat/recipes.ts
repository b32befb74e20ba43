/** Which kinds of FAT are proven. */
import type { CodePage } from "../../../src/disk/filesystem/fat/code-page.ts";

export interface FatRecipe {
  readonly name: string;
  /** KiB. */
  readonly size: number;
  /** Arguments to mkfs.fat, without the file name. */
  readonly mkfs: readonly string[];
  /** The kind that must come out of it. */
  readonly kind: "fat12" | "fat16" | "fat32";
  readonly codePage: CodePage;
  readonly clusterSize: number;
}

const common = { codePage: 850 } as const;

export const FAT_RECIPES: readonly FatRecipe[] = [
  { ...common, name: "FAT12 floppy", size: 1440, mkfs: ["-F", "12"], kind: "fat12", clusterSize: 512 },
  {
    ...common,
    name: "FAT12 with as many clusters as it may have",
    size: 2058,
    mkfs: ["-F", "12", "-s", "1", "-r", "112", "-a"],
    kind: "fat12",
    clusterSize: 512,
  },
  {
    ...common,
    name: "FAT12 with 4 KiB sectors",
    size: 8192,
    mkfs: ["-F", "12", "-S", "4096", "-s", "1", "-f", "1"],
    kind: "fat12",
    clusterSize: 4096,
    codePage: 437,
  },
  { ...common, name: "FAT16", size: 20_480, mkfs: ["-F", "16", "-s", "2"], kind: "fat16", clusterSize: 1024 },
  {
    ...common,
    name: "FAT16 with 32 KiB clusters, one table, reserved sectors",
    size: 200_000,
    mkfs: ["-F", "16", "-s", "64", "-f", "1", "-R", "64", "-n", "BIG CLUST"],
    kind: "fat16",
    clusterSize: 32_768,
    codePage: 437,
  },
  {
    ...common,
    name: "FAT16 with 2 KiB sectors and three tables",
    size: 40_960,
    mkfs: ["-F", "16", "-S", "2048", "-s", "1", "-f", "3", "-r", "1024"],
    kind: "fat16",
    clusterSize: 2048,
  },
  { ...common, name: "FAT32", size: 40_960, mkfs: ["-F", "32", "-s", "1"], kind: "fat32", clusterSize: 512 },
  {
    ...common,
    name: "FAT32 with 4 KiB sectors and one table",
    size: 300_000,
    mkfs: ["-F", "32", "-S", "4096", "-s", "1", "-f", "1"],
    kind: "fat32",
    clusterSize: 4096,
    codePage: 437,
  },
  {
    ...common,
    name: "FAT32 with 16 KiB clusters",
    size: 1_200_000,
    mkfs: ["-F", "32", "-s", "32", "-i", "deadbeef"],
    kind: "fat32",
    clusterSize: 16_384,
  },
];
