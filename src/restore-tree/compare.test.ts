import { expect, test } from "vitest";
import { memoryDisk, memoryTreeDisk } from "../../test/setup/memory-disk.ts";
import { MemoryFileSystem } from "../../test/setup/memory-file-system.ts";
import { displayName, joinPath, nameFromText } from "../bytes/byte-name.ts";
import { compareTrees } from "./compare.ts";
import { fileHistory } from "./history.ts";
import { createRestoreTree } from "./restore-tree.ts";
import type { TreeBackup } from "./tree-backup.ts";
import type { TreeNode } from "./tree-node.ts";

const day = (date: number): Date => new Date(Date.UTC(2026, 0, date));

function backup(name: string, completedAt: Date, fill: (fileSystem: MemoryFileSystem) => void): TreeBackup {
  const fileSystem = new MemoryFileSystem();
  fill(fileSystem);
  const disks = [memoryTreeDisk("disk", memoryDisk(fileSystem))];
  return { name, vm: { namespace: "demo", name: "web" }, completedAt, disks };
}

const backups = [
  backup("b", day(2), (fileSystem) => {
    fileSystem.file(fileSystem.root, "same", "unchanged");
    fileSystem.file(fileSystem.root, "changed", "after!");
    fileSystem.file(fileSystem.root, "grown", "longer than before");
    fileSystem.symlink(fileSystem.root, "link", "new-target");
    fileSystem.file(fileSystem.root, "kind", "now a file");
    fileSystem.file(fileSystem.directory(fileSystem.root, "etc"), "added", "");
    fileSystem.file(fileSystem.root, Uint8Array.of(0xff), "bytes", { mode: 0o600 });
  }),
  backup("a", day(1), (fileSystem) => {
    fileSystem.file(fileSystem.root, "same", "unchanged");
    fileSystem.file(fileSystem.root, "changed", "before");
    fileSystem.file(fileSystem.root, "grown", "before");
    fileSystem.symlink(fileSystem.root, "link", "old-target");
    fileSystem.directory(fileSystem.root, "kind");
    fileSystem.file(fileSystem.directory(fileSystem.root, "etc"), "removed", "");
    fileSystem.file(fileSystem.root, Uint8Array.of(0xff), "bytes", { mode: 0o644 });
  }),
];
const tree = createRestoreTree({ backups, layout: "backups" });

async function differences(metadata: boolean): Promise<string[]> {
  const [left, right] = await Promise.all(
    ["a", "b"].map((name) => tree.resolve(nameFromText(`/backups/${name}/disk`))),
  );
  if (left === undefined || right === undefined) throw new Error("the backups are there");
  const found: string[] = [];
  const onError = (_path: unknown, error: unknown): never => {
    throw error;
  };
  for await (const { path, kind, aspects } of compareTrees(left, right, { onError, metadata })) {
    found.push(`${displayName(joinPath(path))} ${kind}${aspects.length > 0 ? `: ${aspects.join()}` : ""}`);
  }
  return found;
}

test("contents, targets, types and what is on one side only", async () => {
  expect(await differences(false)).toEqual([
    "/changed differs: content",
    "/etc/added only-right",
    "/etc/removed only-left",
    "/grown differs: content",
    "/kind differs: type",
    "/link differs: target",
  ]);
});

test("metadata when asked for", async () => {
  expect(await differences(true)).toContain("/\\xff differs: mode");
});

test("the history of a path, oldest backup first", async () => {
  const history = async (name: string): Promise<string[]> => {
    const states: string[] = [];
    for await (const { backup: at, state } of fileHistory(tree, backups, [nameFromText("disk"), nameFromText(name)])) {
      states.push(`${at.name} ${state}`);
    }
    return states;
  };
  expect(await history("same")).toEqual(["a first", "b same"]);
  expect(await history("changed")).toEqual(["a first", "b changed"]);
  expect(await history("link")).toEqual(["a first", "b changed"]);
  expect(await history("kind")).toEqual(["a first", "b changed"]);
  expect(await history("etc/added")).toEqual(["a absent", "b first"]);
  expect(await history("nothing")).toEqual(["a absent", "b absent"]);
});

test("half a listing does not make the other half look deleted", async () => {
  const broken = new MemoryFileSystem();
  broken.file(broken.root, "kept", "x");
  const whole = backup("whole", day(3), (fileSystem) => {
    fileSystem.file(fileSystem.root, "kept", "x");
    fileSystem.file(fileSystem.root, "also", "y");
  });
  const disks = [memoryTreeDisk("disk", memoryDisk(broken))];
  const damaged: TreeBackup = { name: "damaged", vm: whole.vm, completedAt: day(4), disks };
  const both = createRestoreTree({ backups: [whole, damaged], layout: "backups" });
  const [left, right] = await Promise.all(
    ["whole", "damaged"].map((name) => both.resolve(nameFromText(`/backups/${name}/disk`))),
  );
  if (left === undefined || right === undefined) throw new Error("the backups are there");
  const failing: TreeNode = {
    path: right.path,
    type: right.type,
    stat: (signal) => right.stat(signal),
    async *list() {
      yield* [];
      throw new Error("the directory is damaged");
    },
    child: (name, signal) => right.child(name, signal),
    readLink: (signal) => right.readLink(signal),
    open: (signal) => right.open(signal),
    xattrs: (signal) => right.xattrs(signal),
  };
  const errors: string[] = [];
  const found: unknown[] = [];
  const onError = (_path: unknown, error: unknown): void => void errors.push(String(error));
  for await (const difference of compareTrees(left, failing, { onError })) found.push(difference);
  expect(found).toEqual([]);
  expect(errors).toEqual([expect.stringContaining("the directory is damaged")]);
});
