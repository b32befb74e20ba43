import { createRestoreTree } from "../../../src/restore-tree/restore-tree.ts";
import type { RestoreTree } from "../../../src/restore-tree/tree-node.ts";
import type { Logger } from "../../../src/serve/log.ts";
import { memoryDisk, memoryTreeDisk } from "../../setup/memory-disk.ts";
import { MemoryFileSystem } from "../../setup/memory-file-system.ts";

/** A small guest with everything that paths may meet, below `/web`. */
export interface FuzzedGuest {
  readonly tree: RestoreTree;
  readonly fileSystem: MemoryFileSystem;
  /** What the server logged as errors: its own mistakes. */
  readonly errors: readonly unknown[];
  readonly logger: Logger;
}

export function createFuzzedGuest(): FuzzedGuest {
  const fileSystem = guestFileSystem();
  const disks = [memoryTreeDisk("web", memoryDisk(fileSystem))];
  const backups = [{ name: "b", vm: { namespace: "", name: "vm" }, disks }];
  const errors: unknown[] = [];
  return { tree: createRestoreTree({ layout: "disks", backups }), fileSystem, errors, logger: loggerOf(errors) };
}

export function guestFileSystem(): MemoryFileSystem {
  const fileSystem = new MemoryFileSystem();
  const { root } = fileSystem;
  fileSystem.file(root, "file", "some content that is not long\n".repeat(50));
  const directory = fileSystem.directory(root, "dir");
  for (let index = 0; index < 12; index++) fileSystem.file(directory, `${index}`, `content ${index}`);
  fileSystem.file(directory, "[odd]*name", "odd");
  fileSystem.file(directory, ".rules", "- *.o\n+ file\n: .rules\n");
  fileSystem.symlink(directory, "up", "../..");
  fileSystem.symlink(root, "link", "dir");
  fileSystem.symlink(root, "loop", "loop");
  fileSystem.symlink(root, "host", "/../../../../etc/passwd");
  fileSystem.special(root, "fifo", "fifo");
  return fileSystem;
}

function loggerOf(errors: unknown[]): Logger {
  const ignore = () => undefined;
  return { info: ignore, warn: ignore, error: (fields: unknown, message: string) => void errors.push(message, fields) };
}
