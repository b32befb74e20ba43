import { expect, test } from "vitest";
import { memoryDisk, memoryTreeDisk } from "../../../../test/setup/memory-disk.ts";
import { MemoryFileSystem } from "../../../../test/setup/memory-file-system.ts";
import { nameFromText, nameKey } from "../../../bytes/byte-name.ts";
import { createRestoreTree } from "../../../restore-tree/restore-tree.ts";
import { expandWords } from "./expand-words.ts";

test("patterns made to be slow leave others their turn", async () => {
  const fileSystem = new MemoryFileSystem("memory", 1000);
  for (let index = 0; index < 150; index++) fileSystem.file(fileSystem.root, `${"a".repeat(240)}${index}`);
  const disks = [memoryTreeDisk("web", memoryDisk(fileSystem))];
  const backups = [{ name: "b", vm: { namespace: "", name: "vm" }, disks }];
  const tree = createRestoreTree({ layout: "disks", backups });
  let turns = 0;
  let isOver = false;
  const others = () => {
    turns++;
    if (!isOver) setImmediate(others);
  };
  setImmediate(others);
  const pattern = `/web/${"*a".repeat(120)}b`;
  const signal = new AbortController().signal;
  const found = await expandWords(tree, [{ text: pattern, pattern }], { home: nameFromText("/"), signal });
  isOver = true;
  expect(found.map(nameKey)).toEqual([pattern]);
  expect(turns).toBeGreaterThan(1);
});
