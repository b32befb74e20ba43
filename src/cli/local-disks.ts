import { openDisk } from "../disk/open-disk.ts";
import type { TreeBackup, TreeDisk } from "../restore-tree/tree-backup.ts";
import { FileSource } from "../source/file-source.ts";
import type { LocalDisk } from "./source-options.ts";
import { decompressZstd } from "./zstd.ts";

/** The disk images given on the command line, as the disks of one VM. */
export function localBackup(disks: readonly LocalDisk[]): TreeBackup {
  return { name: "", vm: { namespace: "", name: "" }, disks: disks.map(localDisk) };
}

/** @throws SourceError for the first file that cannot be opened: a disk that is not there is a wrong call, not a damaged disk. */
export async function checkFiles(disks: readonly LocalDisk[]): Promise<void> {
  for (const path of disks.flatMap(({ file, backing }) => [file, ...backing])) {
    const source = await FileSource.open(path);
    await source.close();
  }
}

function localDisk({ name, file, backing }: LocalDisk): TreeDisk {
  return {
    name,
    async open(signal) {
      const sources = await Promise.all([file, ...backing].map((path) => FileSource.open(path)));
      const [image, ...below] = sources as [FileSource, ...FileSource[]];
      return openDisk(image, { backing: below, decompressZstd, ...(signal === undefined ? {} : { signal }) });
    },
  };
}
