import { nameFromText } from "../bytes/byte-name.ts";
import type { Source } from "./source.ts";

/** Small files that nearly every Linux guest has; the greeting's client lines fetch the first there is. */
const CANDIDATES = ["etc/hostname", "etc/os-release", "etc/fstab", "etc/passwd"];

const METADATA = "METADATA.json";

/**
 * Tree path of a guest file to show how files are fetched; the inventory where no disk has one of the usual ones.
 * Newest backup first. Opening a disk may fail; then the next one is tried.
 */
export async function findExampleFile({ tree, backups, layout }: Source): Promise<Uint8Array> {
  const newestFirst = backups.toSorted(
    (left, right) => (right.completedAt?.getTime() ?? 0) - (left.completedAt?.getTime() ?? 0),
  );
  for (const backup of newestFirst.slice(0, 2)) {
    for (const disk of backup.disks) {
      if (disk.unavailable !== undefined) continue;
      const directory = layout === "disks" ? `/${disk.name}` : `/backups/${backup.name}/${disk.name}`;
      for (const candidate of CANDIDATES) {
        const path = nameFromText(`${directory}/${candidate}`);
        const node = await tree.resolve(path).catch(() => undefined);
        if (node?.type === "file") return path;
      }
    }
  }
  return nameFromText(`/${METADATA}`);
}
