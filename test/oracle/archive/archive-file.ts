import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type ArchiveFormat, archiveKeeps, writeArchive } from "../../../src/archive/archive-format.ts";
import { ArchiveReport } from "../../../src/archive/archive-report.ts";
import { nameFromText, nameKey } from "../../../src/bytes/byte-name.ts";
import type { FileSystem } from "../../../src/disk/filesystem/file-system.ts";
import { archiveEntries } from "../../../src/restore-tree/archive-entries.ts";
import { createRestoreTree } from "../../../src/restore-tree/restore-tree.ts";
import { memoryDisk, memoryTreeDisk } from "../../setup/memory-disk.ts";

/** Archives the whole file system as a download would, and returns the paths that were reported. */
export async function archiveTo(file: string, format: ArchiveFormat, fileSystem: FileSystem): Promise<string[]> {
  const reported: string[] = [];
  const disks = [memoryTreeDisk("disk", memoryDisk(fileSystem))];
  const backup = { name: "backup", vm: { namespace: "shop", name: "web" }, disks };
  const tree = createRestoreTree({ backups: [backup], layout: "disks" });
  const report = new ArchiveReport((path) => reported.push(nameKey(path)));
  const entries = archiveEntries(await tree.resolve(nameFromText("/disk")), { report, ...archiveKeeps(format) });
  await pipeline(Readable.from(writeArchive(format, entries, report)), createWriteStream(file));
  return reported;
}
