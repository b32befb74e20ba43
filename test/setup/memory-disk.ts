import type { Disk, Volume } from "../../src/disk/disk.ts";
import type { FileSystem } from "../../src/disk/filesystem/file-system.ts";
import type { TreeDisk } from "../../src/restore-tree/tree-backup.ts";
import { StretchesSource } from "./memory-file-system.ts";

/** A disk that holds these file systems, one a volume, named `1-memory`, `2-memory`, … */
export function memoryDisk(...fileSystems: readonly FileSystem[]): Disk & { closed: boolean } {
  const source = new StretchesSource(1 << 20, []);
  const image = { format: "raw", virtualSize: source.size, features: [], snapshots: [], warnings: [] };
  const volumes = fileSystems.map(
    (fileSystem, index): Volume => ({
      name: `${index + 1}-${fileSystem.info().type}`,
      source,
      content: { kind: "file-system", fileSystem },
    }),
  );
  return {
    image,
    source: Object.assign(source, { info: image }),
    table: { scheme: "none", sectorSize: 512, partitions: [], warnings: [] },
    volumes,
    closed: false,
    async close() {
      this.closed = true;
    },
  };
}

/** A tree disk that is always there; `opened` counts how often it was opened. */
export function memoryTreeDisk(name: string, disk: Disk): TreeDisk & { opened: number } {
  return {
    name,
    opened: 0,
    async open() {
      this.opened++;
      return disk;
    },
  };
}
