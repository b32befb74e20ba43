import { ConfigError } from "../errors.ts";
import type { TreeDisk } from "../restore-tree/tree-backup.ts";
import type { Source } from "./source.ts";

/** A disk and the name a user would call it by: `BACKUP/DISK`, or `DISK` for local images. */
export interface NamedDisk {
  readonly name: string;
  readonly disk: TreeDisk;
}

export function allDisks({ backups, layout }: Pick<Source, "backups" | "layout">): NamedDisk[] {
  return backups.flatMap((backup) =>
    backup.disks.map((disk) => ({ name: layout === "disks" ? disk.name : `${backup.name}/${disk.name}`, disk })),
  );
}

/**
 * The disk of that name; `DISK` alone will do where only one backup has it, and a tree path names it too.
 * @throws ConfigError listing the disks there are, or the disk's own reason when its bytes cannot be read.
 */
export function selectDisk(source: Pick<Source, "backups" | "layout">, wanted: string): TreeDisk {
  const disks = allDisks(source);
  const name = wanted.replace(/^\/(backups\/)?/, "").replace(/\/$/, "");
  const exact = disks.filter((candidate) => candidate.name === name);
  const matching = exact.length > 0 ? exact : disks.filter(({ disk }) => disk.name === name);
  const [found, another] = matching;
  if (found === undefined) throw new ConfigError(`there is no disk ${wanted}; there are: ${list(disks)}`);
  if (another !== undefined) throw new ConfigError(`${wanted} is in several backups; say which: ${list(matching)}`);
  if (found.disk.unavailable !== undefined) throw new ConfigError(`${found.name}: ${found.disk.unavailable}`);
  return found.disk;
}

function list(disks: readonly NamedDisk[]): string {
  return disks.length === 0 ? "none" : disks.map(({ name }) => name).join(", ");
}
