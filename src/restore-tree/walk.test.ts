import { expect, test } from "vitest";
import { memoryDisk, memoryTreeDisk } from "../../test/setup/memory-disk.ts";
import { MemoryFileSystem } from "../../test/setup/memory-file-system.ts";
import { nameFromText, nameKey } from "../bytes/byte-name.ts";
import { CorruptDataError, describeError, LimitError } from "../errors.ts";
import { createRestoreTree } from "./restore-tree.ts";
import type { TreeNode } from "./tree-node.ts";
import { type WalkOptions, walk } from "./walk.ts";

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
