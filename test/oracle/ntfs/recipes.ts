import type { ImageRecipe } from "./images.ts";

const EVERYTHING_SMALL = ["sizes", "sparse", "names", "dos-names", "links", "streams", "flags", "crowded"];

/** What ntfs-3g can make: every cluster size, both record sizes, and whatever a file can be. */
export const RECIPES: readonly ImageRecipe[] = [
  ...[512, 1024, 2048, 4096].map((clusterSize) => ({
    name: `clusters of ${clusterSize}, everything`,
    size: 24,
    clusterSize,
    parts: [...EVERYTHING_SMALL, "compressed"],
  })),
  ...[8192, 16_384, 32_768, 65_536].map((clusterSize) => ({
    name: `clusters of ${clusterSize}, everything but compression`,
    size: clusterSize / 256,
    clusterSize,
    parts: EVERYTHING_SMALL,
  })),
  { name: "clusters of 2 MiB", size: 512, clusterSize: 2 * 1024 * 1024, parts: ["sizes", "names", "streams"] },
  { name: "sectors and records of 4096", size: 24, clusterSize: 4096, mkntfs: ["-s", "4096"], parts: EVERYTHING_SMALL },
  { name: "50,000 entries in one directory", size: 96, clusterSize: 4096, parts: ["big-directory"] },
  { name: "a file of over 1,000 runs", size: 24, clusterSize: 512, parts: ["fragmented", "scattered-table"] },
  {
    name: "the MFT scattered",
    size: 24,
    clusterSize: 4096,
    mkntfs: ["-z", "1"],
    parts: ["scattered-table", "crowded"],
  },
];
