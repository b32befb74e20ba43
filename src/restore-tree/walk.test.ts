import { expect, test } from "vitest";
import { memoryDisk, memoryTreeDisk } from "../../test/setup/memory-disk.ts";
import { MemoryFileSystem } from "../../test/setup/memory-file-system.ts";
import { nameFromText, nameKey } from "../bytes/byte-name.ts";
import type { NodeId, NodeStat } from "../disk/filesystem/file-system.ts";
import { CorruptDataError, describeError, LimitError } from "../errors.ts";
import { createRestoreTree } from "./restore-tree.ts";
import type { TreeNode } from "./tree-node.ts";
import { type WalkOptions, walk, walkBatches, walkNames } from "./walk.ts";

async function rootOf(fileSystem: MemoryFileSystem): Promise<TreeNode> {
  const disks = [memoryTreeDisk("d", memoryDisk(fileSystem))];
  const backup = { name: "b", vm: { namespace: "n", name: "v" }, disks };
  return createRestoreTree({ backups: [backup], layout: "disks" }).resolve(nameFromText("/d"));
}

async function walked(fileSystem: MemoryFileSystem, options: Partial<WalkOptions> = {}) {
  const errors = new Map<string, unknown>();
  const onError = (path: Uint8Array, error: unknown) => void errors.set(nameKey(path), error);
  const paths: string[] = [];
  for await (const { path } of walk(await rootOf(fileSystem), { onError, ...options })) paths.push(nameKey(path));
  return { paths, errors };
}

test("depth first, directories before their content, batch boundaries unseen", async () => {
  const fileSystem = new MemoryFileSystem("memory", 2);
  const etc = fileSystem.directory(fileSystem.root, "etc");
  for (const name of ["a", "b", "c", "d", "e"]) fileSystem.file(fileSystem.directory(etc, name), "f");
  fileSystem.file(fileSystem.root, "z");
  const { paths, errors } = await walked(fileSystem);
  expect(paths).toEqual(["", ...fileSystem.paths().map((path) => path.slice(1))]);
  expect(errors.size).toBe(0);
});

test("a directory inside itself is reported once and the rest is walked", async () => {
  const fileSystem = new MemoryFileSystem();
  const outer = fileSystem.directory(fileSystem.root, "outer");
  const inner = fileSystem.directory(outer, "inner");
  fileSystem.link(inner, "again", outer);
  fileSystem.file(inner, "after");
  const { paths, errors } = await walked(fileSystem);
  expect(paths).toEqual(["", "outer", "outer/inner", "outer/inner/after"]);
  expect([...errors.keys()]).toEqual(["outer/inner/again"]);
  expect(errors.get("outer/inner/again")).toBeInstanceOf(CorruptDataError);
});

test("one unreadable entry or listing never ends the walk", async () => {
  const fileSystem = new MemoryFileSystem();
  const bad = fileSystem.directory(fileSystem.root, "bad");
  const file = fileSystem.file(fileSystem.root, "file");
  fileSystem.file(fileSystem.root, Buffer.from("a/b"));
  fileSystem.file(fileSystem.root, "last");
  fileSystem.break(bad, new CorruptDataError({ format: "ext4", structure: "inode 3" }, "checksum does not match"));
  fileSystem.break(file, new CorruptDataError({ format: "ext4", structure: "inode 4" }, "checksum does not match"));
  const { paths, errors } = await walked(fileSystem);
  expect(paths).toEqual(["", "last"]);
  expect([...errors.keys()].sort()).toEqual(["a/b", "bad", "file"]);
  expect(describeError(errors.get("bad"))).toContain("inode 3");
});

test("depth is limited, and ten thousand levels are no problem", async () => {
  const fileSystem = new MemoryFileSystem();
  let directory = fileSystem.root;
  for (let depth = 0; depth < 3000; depth++) directory = fileSystem.directory(directory, "d");
  expect((await walked(fileSystem)).paths.length).toBe(3001);
  const { paths, errors } = await walked(fileSystem, { pathDepth: 100 });
  expect(paths.length).toBe(101);
  expect([...errors.values()]).toEqual([expect.any(LimitError)]);
});

test("an abort ends the walk with its reason", async () => {
  const fileSystem = new MemoryFileSystem();
  for (let index = 0; index < 10; index++) fileSystem.file(fileSystem.root, `f${index}`);
  const controller = new AbortController();
  const seen: string[] = [];
  const run = async () => {
    const options = { onError: () => expect.unreachable(), signal: controller.signal };
    for await (const { path } of walk(await rootOf(fileSystem), options)) {
      seen.push(nameKey(path));
      if (seen.length === 3) controller.abort(new Error("client left"));
    }
  };
  await expect(run()).rejects.toThrow("client left");
});

/** Has every second stat at hand, as a file system with some of its inodes in memory. */
class HalfCachedFileSystem extends MemoryFileSystem {
  readonly #known = new Map<NodeId, NodeStat>();
  peeked = 0;

  override async stat(node: NodeId): Promise<NodeStat> {
    const stat = await super.stat(node);
    if (node % 2 === 0) this.#known.set(node, stat);
    return stat;
  }

  peekStat(node: NodeId): NodeStat | undefined {
    const known = this.#known.get(node);
    if (known !== undefined) this.peeked++;
    return known;
  }
}

test("what is at hand and what is not come in one order, with the same stat", async () => {
  const fileSystem = new HalfCachedFileSystem("memory", 5);
  for (const name of ["a", "b", "c"]) {
    const directory = fileSystem.directory(fileSystem.root, name);
    for (let index = 0; index < 150; index++) fileSystem.file(directory, `${index}`, "x".repeat(index));
    fileSystem.directory(directory, "empty");
  }
  const stats = async () => {
    const found: string[] = [];
    for await (const batch of walkBatches(await rootOf(fileSystem), { onError: () => expect.unreachable() })) {
      for (const { path, stat, depth, name } of batch) {
        found.push([nameKey(path), nameKey(name), stat.type, stat.size, stat.identity, depth].join());
      }
    }
    return found;
  };
  const first = await stats();
  const peekedBefore = fileSystem.peeked;
  expect(await stats()).toEqual(first);
  expect(fileSystem.peeked - peekedBefore).toBeGreaterThan(200);
  expect(first).toHaveLength(1 + 3 * 152);
});

test("names alone: the same paths, and files that cannot be examined too", async () => {
  const fileSystem = new MemoryFileSystem();
  const etc = fileSystem.directory(fileSystem.root, "etc");
  const broken = fileSystem.file(etc, "broken");
  fileSystem.file(etc, "file");
  fileSystem.symlink(fileSystem.root, "link", "etc");
  fileSystem.break(broken, new CorruptDataError({ format: "ext4", structure: "inode 4" }, "checksum does not match"));
  const found: string[] = [];
  for await (const batch of walkNames(await rootOf(fileSystem), { onError: () => expect.unreachable() })) {
    for (const { path, stat } of batch) found.push(`${nameKey(path)} ${stat.type}`);
  }
  expect(found).toEqual([" directory", "etc directory", "etc/broken file", "etc/file file", "link symlink"]);
});
