import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { memoryDisk, memoryTreeDisk } from "../../test/setup/memory-disk.ts";
import { MemoryFileSystem } from "../../test/setup/memory-file-system.ts";
import { nameFromText } from "../bytes/byte-name.ts";
import type { DirectoryEntry, NodeId, NodeStat, ReadDirectoryOptions } from "../disk/filesystem/file-system.ts";
import { createRestoreTree } from "./restore-tree.ts";
import { walkBatches } from "./walk.ts";

const FILES = 400_000;
const FILES_A_BATCH = 100;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Bytes of objects that are still needed. */
function heapInUse(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** Files that nobody keeps: all in its root, or in directories of a thousand. */
class EndlessFileSystem extends MemoryFileSystem {
  readonly #filesADirectory: number;

  constructor(filesADirectory: number) {
    super();
    this.#filesADirectory = filesADirectory;
  }

  peekStat(node: NodeId): NodeStat {
    const isDirectory = node % this.#filesADirectory === 0 || node === this.root;
    const times = { mtime: BigInt(node), atime: 0n, ctime: 0n };
    const type = isDirectory ? ("directory" as const) : ("file" as const);
    return { node, type, mode: 0o644, uid: 0, gid: 0, size: node, allocated: 0, links: 1, ...times };
  }

  override async stat(node: NodeId): Promise<NodeStat> {
    return this.peekStat(node);
  }

  override async *readDirectory(
    directory: NodeId,
    _options?: ReadDirectoryOptions,
  ): AsyncIterable<readonly DirectoryEntry[]> {
    const step = directory === this.root && this.#filesADirectory < FILES ? this.#filesADirectory : 1;
    const first = directory === this.root ? FILES : directory;
    const count = directory === this.root ? FILES / step : this.#filesADirectory;
    for (let index = step === 1 ? 1 : 0; index < count; index += FILES_A_BATCH) {
      yield Array.from({ length: Math.min(FILES_A_BATCH, count - index) }, (_, offset) => {
        const node = first + (index + offset) * step;
        const type = this.peekStat(node).type;
        return { name: nameFromText(`entry-${node}`), node, type, cursor: index + offset };
      });
    }
  }
}

test.each([
  ["in one directory", FILES],
  ["in many directories", 1000],
])(
  "a walk of hundreds of thousands of entries %s needs no more memory at its end than at its beginning",
  async (_where, files) => {
    const disks = [memoryTreeDisk("d", memoryDisk(new EndlessFileSystem(files)))];
    const backup = { name: "b", vm: { namespace: "n", name: "v" }, disks };
    const root = await createRestoreTree({ backups: [backup], layout: "disks" }).resolve(nameFromText("/d"));
    const inUse: number[] = [];
    let seen = 0;
    for await (const batch of walkBatches(root, { onError: () => expect.unreachable() })) {
      const before = seen;
      seen += batch.length;
      // The walk holds some ten thousand children of a large directory at a time: a few measurements meet all of that.
      if (Math.floor(seen / 50_000) > Math.floor(before / 50_000)) inUse.push(heapInUse());
    }
    expect(seen).toBeGreaterThanOrEqual(FILES);
    const early = Math.max(...inUse.slice(0, 4));
    expect(Math.max(...inUse.slice(4))).toBeLessThan(early + 8 * 1024 * 1024);
  },
);
