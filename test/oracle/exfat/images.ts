/** Makes exFAT images with mkfs.exfat and fills them through exfat-fuse. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmdirSync, rmSync, statfsSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { withLoopDevice } from "../../setup/loop-device.ts";
import { runTool } from "../../setup/run-tool.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { writeSampleTree } from "../fat/sample-tree.ts";

export const EXFAT_PACKAGES = ["exfatprogs", "exfat-fuse", "sleuthkit", "python3", "mount"] as const;

export interface ExfatRecipe {
  readonly name: string;
  /** MiB. */
  readonly size: number;
  readonly mkfs: readonly string[];
  readonly clusterSize: number;
  /** Of the device it is made on. */
  readonly sectorSize: number;
  /** Files of the directory that has many. */
  readonly many: number;
}

export const EXFAT_RECIPES: readonly ExfatRecipe[] = [
  { name: "4 KiB clusters", size: 16, mkfs: ["-L", "Grüße ä"], clusterSize: 4096, sectorSize: 512, many: 300 },
  { name: "clusters of one sector", size: 8, mkfs: ["-c", "512"], clusterSize: 512, sectorSize: 512, many: 3000 },
  { name: "32 KiB clusters", size: 64, mkfs: ["-c", "32K"], clusterSize: 32_768, sectorSize: 512, many: 200 },
  { name: "256 KiB clusters", size: 160, mkfs: ["-c", "256K"], clusterSize: 262_144, sectorSize: 512, many: 60 },
  {
    name: "4 KiB sectors, bitmap beside the table",
    size: 32,
    mkfs: ["-c", "8K", "--pack-bitmap"],
    clusterSize: 8192,
    sectorSize: 4096,
    many: 200,
  },
];

/** Mounts an image through exfat-fuse, runs `work` with the mount point, and unmounts whatever happens. */
export function withExfatMount<Result>(
  image: string,
  options: string,
  sectorSize: number,
  work: (mountPoint: string) => Result | Promise<Result>,
): Promise<Result> {
  return withLoopDevice(image, ["--sector-size", String(sectorSize)], async (device) => {
    const mountPoint = mkdtempSync(path.join(tmpdir(), "vmfr-mount-"));
    try {
      await runTool("mount.exfat-fuse", ["-o", options, device, mountPoint]);
      try {
        return await work(mountPoint);
      } finally {
        execFileSync("umount", [mountPoint]);
      }
    } finally {
      rmdirSync(mountPoint);
    }
  });
}

/** Makes the image of a recipe and returns its file name. */
export async function makeExfatImage(recipe: ExfatRecipe, directory = scratchDirectory()): Promise<string> {
  const image = path.join(directory, "image");
  const { clusterSize, sectorSize, many, mkfs, size } = recipe;
  writeFileSync(image, "");
  truncateSync(image, size * 1024 * 1024);
  await withLoopDevice(image, ["--sector-size", String(sectorSize)], (device) =>
    runTool("mkfs.exfat", [...mkfs, device]),
  );
  await withExfatMount(image, "rw", sectorSize, (root) => {
    writeSampleTree(root, { clusterSize, many });
    writeFileSync(path.join(root, "names", `${"ñ".repeat(254)}x`), "a name of 255 characters");
    writeFileSync(path.join(root, "names", "beyond \u{10ffff}"), "");
    writeFragmentedFile(root, clusterSize);
  });
  return image;
}

/** When all else is full, a file can only lie in the gaps that deleted ones left. */
function writeFragmentedFile(root: string, clusterSize: number): void {
  const gap = (index: number) => path.join(root, `gap ${index}`);
  for (let index = 0; index < 40; index++) writeFileSync(gap(index), Buffer.alloc(clusterSize, index));
  const filler = path.join(root, "filler");
  const { bavail, bsize } = statfsSync(root);
  writeFileSync(filler, Buffer.alloc((bavail - 4) * bsize));
  for (let index = 0; index < 40; index += 2) rmSync(gap(index));
  const several = path.join(root, "sizes", "several-clusters");
  writeFileSync(path.join(root, "fragmented"), readFileSync(several).subarray(0, 20 * clusterSize - 5));
  rmSync(filler);
}
