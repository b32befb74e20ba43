import { expect, test } from "vitest";
import { nameFromText } from "../../../src/bytes/byte-name.ts";
import { openDisk } from "../../../src/disk/open-disk.ts";
import { SourceError } from "../../../src/errors.ts";
import { createRestoreTree } from "../../../src/restore-tree/restore-tree.ts";
import type { TreeDisk } from "../../../src/restore-tree/tree-backup.ts";
import type { RestoreTree } from "../../../src/restore-tree/tree-node.ts";
import { FileSource } from "../../../src/source/file-source.ts";
import { imagesFromAppliance } from "../../setup/appliance.ts";
import { SERVER } from "./recipes.ts";

const NAMES = ["web-root", "web-more", "web-data"];

/** What is open, by image. */
const open = new Map<string, number>();

function treeDisk(name: string, image: string): TreeDisk {
  return {
    name,
    async open() {
      const source = await FileSource.open(image);
      open.set(image, (open.get(image) ?? 0) + 1);
      const disk = await openDisk(source, { format: "raw" });
      const close = async () => {
        open.set(image, (open.get(image) ?? 0) - 1);
        await disk.close();
      };
      return { ...disk, close };
    },
  };
}

async function serverDisks(): Promise<TreeDisk[]> {
  const { disks } = await imagesFromAppliance(SERVER);
  return NAMES.map((name, index) => treeDisk(name, disks[index] as string));
}

async function names(tree: RestoreTree, path: string): Promise<string[]> {
  const found: string[] = [];
  for await (const batch of (await tree.resolve(nameFromText(path))).list()) {
    found.push(...batch.map((child) => Buffer.from(child.name).toString()));
  }
  return found.filter((name) => name !== "lost+found").toSorted();
}

async function text(tree: RestoreTree, path: string): Promise<string> {
  const source = await (await tree.resolve(nameFromText(path))).open();
  return Buffer.from(await source.read(0, source.size)).toString();
}

const vm = { namespace: "shop", name: "web" };

test("a server over three disks is one tree under its first disk, and volume by volume", async () => {
  const tree = createRestoreTree({ backups: [{ name: "monday", vm, disks: await serverDisks() }], layout: "backups" });
  const root = "/backups/monday/web-root";
  expect(await names(tree, root)).toEqual(["big", "boot", "etc", "home", "srv"]);
  expect(await text(tree, `${root}/boot/vmlinuz`)).toBe("kernel\n");
  expect(await text(tree, `${root}/home/readme`)).toBe("hello\n");
  expect(await text(tree, `${root}/srv/data/table`)).toBe("rows\n");
  expect(await names(tree, "/backups/monday/web-root.volumes")).toEqual([
    "2-boot",
    "ubuntu--vg-home",
    "ubuntu--vg-ubuntu--lv",
  ]);
  expect(await text(tree, "/backups/monday/web-root.volumes/ubuntu--vg-home/readme")).toBe("hello\n");
  expect(await names(tree, "/backups/monday/web-more")).toEqual([]);
  expect(await text(tree, "/backups/monday/web-data/table")).toBe("rows\n");
  const [first, second] = (await tree.inventory()).backups[0]?.disks ?? [];
  expect(first?.reasons).toEqual([]);
  expect(second?.reasons).toEqual([expect.stringMatching(/volume group ubuntu-vg, shown under web-root/)]);
  await tree.close();
  expect([...open.values()]).toEqual([0, 0, 0]);
});

test("two backups of one server side by side never mix their physical volumes", async () => {
  const [root, more] = (await serverDisks()) as [TreeDisk, TreeDisk];
  const broken: TreeDisk = {
    name: "web-more",
    open: () => Promise.reject(new SourceError("lost", { retryable: false })),
  };
  const backups = [
    { name: "monday", vm, disks: [root, more] },
    { name: "tuesday", vm, disks: [root, broken] },
  ];
  const tree = createRestoreTree({ backups, layout: "backups" });
  expect(await text(tree, "/backups/monday/web-root.volumes/ubuntu--vg-home/readme")).toBe("hello\n");
  expect(await text(tree, "/backups/tuesday/web-root.volumes/ubuntu--vg-home/readme")).toBe("hello\n");
  expect(await names(tree, "/backups/monday/web-root.volumes")).toContain("ubuntu--vg-ubuntu--lv");
  expect(await names(tree, "/backups/tuesday/web-root.volumes")).not.toContain("ubuntu--vg-ubuntu--lv");
  const reasons = (await tree.inventory()).backups[1]?.disks[0]?.reasons.join("\n");
  expect(reasons).toMatch(/ubuntu--vg-ubuntu--lv .*: physical volume [\w-]{38} is missing/);
  expect(reasons).toMatch(/disk web-more, which may hold a part of a volume, cannot be read: lost/);
  await tree.close();
  expect([...open.values()]).toEqual([0, 0, 0]);
});
