/** The tree over disk images, and what the kernel or ntfs-3g shows of its volumes, in the same form. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { onTestFinished } from "vitest";
import { displayName, nameFromText } from "../../../src/bytes/byte-name.ts";
import { openDisk } from "../../../src/disk/open-disk.ts";
import { createRestoreTree } from "../../../src/restore-tree/restore-tree.ts";
import type { RestoreTree, TreeNode } from "../../../src/restore-tree/tree-node.ts";
import { walk } from "../../../src/restore-tree/walk.ts";
import { FileSource } from "../../../src/source/file-source.ts";

/** Of one machine; the first disk is called `vm`, the others `vm2`, `vm3`, … */
export function treeOf(...images: readonly string[]): RestoreTree {
  const disks = images.map((image, index) => ({
    name: index === 0 ? "vm" : `vm${index + 1}`,
    open: async () => openDisk(await FileSource.open(image), { format: "raw" }),
  }));
  const backup = { name: "local", vm: { namespace: "n", name: "vm" }, disks };
  const tree = createRestoreTree({ backups: [backup], layout: "disks" });
  onTestFinished(() => tree.close());
  return tree;
}

export async function contentOf(node: TreeNode): Promise<Buffer> {
  const source = await node.open();
  try {
    return Buffer.from(await source.read(0, source.size));
  } finally {
    await source.close();
  }
}

export async function readText(tree: RestoreTree, at: string): Promise<string> {
  return (await contentOf(await tree.resolve(nameFromText(at)))).toString("utf8");
}

export async function linkTarget(tree: RestoreTree, at: string): Promise<string> {
  const node = await tree.resolve(nameFromText(at), { followLast: false });
  const target = await node.readLink();
  const { size } = await node.stat();
  if (size !== target.length) throw new Error(`${at} has ${size} bytes, its target ${target.length}`);
  return displayName(target);
}

/** Names in a directory, in the order listed. */
export async function namesIn(tree: RestoreTree, at: string): Promise<string[]> {
  const names: string[] = [];
  for await (const batch of (await tree.resolve(nameFromText(at))).list()) {
    names.push(...batch.map(({ name }) => displayName(name)));
  }
  return names;
}

const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Path below `at` to the type, and of files the SHA-256. */
export type Contents = Record<string, string>;

export async function contentsOf(tree: RestoreTree, at: string): Promise<Contents> {
  const found: Contents = {};
  const onError = (where: Uint8Array, error: unknown) => {
    throw new Error(displayName(where), { cause: error });
  };
  for await (const { node, stat, path: where } of walk(await tree.resolve(nameFromText(at)), { onError })) {
    if (where.length === 0) continue;
    found[displayName(where)] = stat.type === "file" ? digest(await contentOf(node)) : stat.type;
  }
  return found;
}

/** @param prefix put in front of every path */
export function contentsOfMount(mountPoint: string, prefix = ""): Contents {
  const entries = readdirSync(mountPoint, { recursive: true, withFileTypes: true }).map((entry) => {
    const file = path.join(entry.parentPath, entry.name);
    const where = prefix + path.relative(mountPoint, file);
    if (entry.isFile()) return [where, digest(readFileSync(file))] as const;
    return [where, entry.isDirectory() ? "directory" : "symlink"] as const;
  });
  return Object.fromEntries(entries);
}
