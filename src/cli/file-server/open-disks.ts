import { nameFromText } from "../../bytes/byte-name.ts";
import type { DiskInventory, RestoreTree } from "../../restore-tree/tree-node.ts";

export interface InspectedDisk {
  readonly backup: string;
  readonly disk: DiskInventory;
}

/** Opens one disk after the other, by looking into its directory, and tells what was found on each. */
export async function* openDisks(tree: RestoreTree, signal?: AbortSignal): AsyncGenerator<InspectedDisk> {
  const { backups } = await tree.inventory();
  for (const [index, { name, disks }] of backups.entries()) {
    for (const [position, { path }] of disks.entries()) {
      const directory = await tree.resolve(nameFromText(path), signal === undefined ? {} : { signal });
      for await (const _firstBatch of directory.list(signal === undefined ? {} : { signal })) break;
      const disk = (await tree.inventory()).backups[index]?.disks[position];
      if (disk !== undefined) yield { backup: name, disk };
    }
  }
}
