import fc from "fast-check";
import { expect, test } from "vitest";
import { memoryDisk, memoryTreeDisk } from "../../test/setup/memory-disk.ts";
import { MemoryFileSystem } from "../../test/setup/memory-file-system.ts";
import { nameFromText, nameKey } from "../bytes/byte-name.ts";
import { PathError, VmfrError } from "../errors.ts";
import { createRestoreTree } from "./restore-tree.ts";
import type { ResolveOptions, RestoreTree } from "./tree-node.ts";

function treeOver(...fileSystems: MemoryFileSystem[]): RestoreTree {
  const [root, boot] = fileSystems;
  const vm = { namespace: "n", name: "v" };
  const disks = [memoryTreeDisk("d", memoryDisk(...fileSystems)), memoryTreeDisk("other", memoryDisk(secretDisk()))];
  const mounts = boot === undefined ? [] : [{ path: nameFromText("/boot"), fileSystem: boot }];
  return createRestoreTree({
    backups: [{ name: "b", vm, completedAt: new Date(0), disks }],
    layout: "backups",
    findGuest: async () => (root === undefined ? undefined : { root, mounts }),
  });
}

function secretDisk(): MemoryFileSystem {
  const fileSystem = new MemoryFileSystem();
  fileSystem.file(fileSystem.root, "secret", "of another disk");
  return fileSystem;
}

async function outcome(tree: RestoreTree, path: string | Uint8Array, options?: ResolveOptions): Promise<string> {
  try {
    const node = await tree.resolve(typeof path === "string" ? nameFromText(path) : path, options);
    return nameKey(node.path);
  } catch (error) {
    if (error instanceof PathError) return error.failure;
    if (error instanceof VmfrError) return error.kind;
    throw error;
  }
}

function guest(): { root: MemoryFileSystem; boot: MemoryFileSystem } {
  const root = new MemoryFileSystem("ext4");
  const etc = root.directory(root.root, "etc");
  root.file(etc, "passwd");
  root.directory(root.root, "boot");
  const usr = root.directory(root.root, "usr");
  root.directory(usr, "lib");
  root.symlink(root.root, "lib", "usr/lib");
  root.symlink(root.root, "absolute", "/etc");
  root.symlink(root.root, "climber", "../../../../../../backups/b/other/secret");
  root.symlink(usr, "up", "../../../../etc/passwd");
  root.symlink(root.root, "host", "/../../../../etc/passwd");
  root.symlink(root.root, "loop", "loop");
  root.symlink(root.root, "slash", "etc/passwd/");
  root.symlink(root.root, "empty", "");
  root.symlink(root.root, "nul", Buffer.from("etc\0/x"));
  root.symlink(root.root, "kernel", "/boot/vmlinuz");
  const boot = new MemoryFileSystem("xfs");
  boot.file(boot.root, "vmlinuz");
  boot.symlink(boot.root, "absolute", "/etc/passwd");
  boot.symlink(boot.root, "out", "../../../usr/lib");
  return { root, boot };
}

test.each([
  ["/", "/"],
  ["", "/"],
  ["//backups///b/.//d/", "/backups/b/d"],
  ["/../../backups/..", "/"],
  ["/backups/b/d/../other/secret", "/backups/b/other/secret"],
  ["/backups/b/d/etc/passwd", "/backups/b/d/etc/passwd"],
  ["/backups/b/d/lib", "/backups/b/d/usr/lib"],
  ["/backups/b/d/lib/..", "/backups/b/d/usr"],
  ["/backups/b/d/lib/../../../..", "/backups"],
  ["/backups/b/d/absolute/passwd", "/backups/b/d/etc/passwd"],
  ["/backups/b/d/climber", "not-found"],
  ["/backups/b/d/usr/up", "/backups/b/d/etc/passwd"],
  ["/backups/b/d/host", "/backups/b/d/etc/passwd"],
  ["/backups/b/d/kernel", "/backups/b/d/boot/vmlinuz"],
  ["/backups/b/d/boot/absolute", "/backups/b/d/etc/passwd"],
  ["/backups/b/d/boot/out", "/backups/b/d/usr/lib"],
  ["/backups/b/d/boot/..", "/backups/b/d"],
  ["/backups/b/d.volumes/2-xfs/absolute", "not-found"],
  ["/backups/b/d.volumes/2-xfs/..", "/backups/b/d.volumes"],
  ["/backups/b/d/loop", "too-many-symlinks"],
  ["/backups/b/d/loop/x", "too-many-symlinks"],
  ["/backups/b/d/slash", "not-a-directory"],
  ["/backups/b/d/empty", "not-found"],
  ["/backups/b/d/nul", "invalid-path"],
  ["/backups/b/d/etc/passwd/", "not-a-directory"],
  ["/backups/b/d/etc/passwd/..", "not-a-directory"],
  ["/backups/b/d/etc/passwd/x", "not-a-directory"],
  ["/backups/b/d/missing/../etc", "not-found"],
  ["/METADATA.json/x", "not-a-directory"],
  ["/a\0b", "invalid-path"],
  [`/backups/b/d/${"n".repeat(256)}`, "not-found"],
  [`/backups/b/d/${"n".repeat(1000)}`, "invalid-path"],
  ["/x".repeat(10_001), "limit"],
])("%j leads to %j", async (path, expected) => {
  const { root, boot } = guest();
  expect(await outcome(treeOver(root, boot), path)).toBe(expected);
});

test("the last symlink is followed only when asked, or when a slash follows it", async () => {
  const { root, boot } = guest();
  const tree = treeOver(root, boot);
  expect(await outcome(tree, "/backups/b/d/absolute", { followLast: false })).toBe("/backups/b/d/absolute");
  expect(await outcome(tree, "/backups/b/d/absolute/", { followLast: false })).toBe("/backups/b/d/etc");
  expect(await outcome(tree, "/backups/b/d/absolute/passwd", { followLast: false })).toBe("/backups/b/d/etc/passwd");
});

test("names that are not UTF-8 resolve byte by byte", async () => {
  const root = new MemoryFileSystem();
  root.file(root.root, Buffer.from([0xff, 0x0a, 0x5c]), "odd");
  const path = Buffer.concat([Buffer.from("/backups/b/d/"), Buffer.from([0xff, 0x0a, 0x5c])]);
  expect(await outcome(treeOver(root), path)).toBe(path.toString("latin1"));
});

/** A guest of three directory levels in which every directory holds the same three symlinks. */
type Model = Map<string, { kind: "directory" } | { kind: "file" } | { kind: "symlink"; target: string }>;

const NAMES = ["a", "b"] as const;

function buildGuest(targets: readonly string[]): { fileSystem: MemoryFileSystem; model: Model } {
  const fileSystem = new MemoryFileSystem();
  const model: Model = new Map([["", { kind: "directory" }]]);
  const fill = (directory: number, path: string, depth: number): void => {
    fileSystem.file(directory, "f");
    model.set(`${path}/f`, { kind: "file" });
    for (const [index, target] of targets.entries()) {
      fileSystem.symlink(directory, `l${index}`, target);
      model.set(`${path}/l${index}`, { kind: "symlink", target });
    }
    for (const name of depth > 0 ? NAMES : []) {
      model.set(`${path}/${name}`, { kind: "directory" });
      fill(fileSystem.directory(directory, name), `${path}/${name}`, depth - 1);
    }
  };
  fill(fileSystem.root, "", 2);
  return { fileSystem, model };
}

/** POSIX path resolution in a chroot, written as plainly as possible: the reference. */
function resolveInModel(model: Model, path: string, from = "", links = { left: 40 }): string {
  let current = path.startsWith("/") ? "" : from;
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  const isKind = (kind: string): boolean => model.get(current)?.kind === kind;
  for (const name of names) {
    if (!isKind("directory")) return isKind("file") ? "not-a-directory" : current;
    if (name === "..") {
      current = current.slice(0, Math.max(0, current.lastIndexOf("/")));
      continue;
    }
    const next = model.get(`${current}/${name}`);
    if (next === undefined) return "not-found";
    if (next.kind !== "symlink") {
      current = `${current}/${name}`;
      continue;
    }
    if (--links.left < 0) return "too-many-symlinks";
    current = resolveInModel(model, next.target, current, links);
    if (current !== "" && !current.startsWith("/")) return current;
  }
  if (path.endsWith("/") && isKind("file")) return "not-a-directory";
  return current;
}

const component = fc.constantFrom("a", "b", "f", "l0", "l1", "l2", "..", ".", "", "missing");
const relative = fc.array(component, { minLength: 1, maxLength: 6 }).map((names) => names.join("/"));
const target = fc.tuple(fc.boolean(), relative).map(([absolute, path]) => (absolute ? `/${path}` : path));

test("resolves as POSIX does in a chroot, and never outside the guest", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(target, { minLength: 3, maxLength: 3 }), relative, async (targets, path) => {
      const usable = targets.map((text) => (text === "" ? "." : text));
      const { fileSystem, model } = buildGuest(usable);
      const tree = treeOver(fileSystem);
      // A symlink at the root of the guest makes the whole path the guest's own.
      fileSystem.symlink(fileSystem.root, "entry", path === "" ? "." : path);
      const result = await outcome(tree, "/backups/b/d/entry");
      const expected = resolveInModel(model, path, "", { left: 39 });
      const inGuest = expected === "" || expected.startsWith("/");
      expect(result).toBe(inGuest ? `/backups/b/d${expected}` : expected);
    }),
    { numRuns: 2000 },
  );
});
