import { expect, test } from "vitest";
import { memoryDisk, memoryTreeDisk } from "../../test/setup/memory-disk.ts";
import { MemoryFileSystem } from "../../test/setup/memory-file-system.ts";
import { displayName, nameFromText } from "../bytes/byte-name.ts";
import { SourceError, UnsupportedFeatureError } from "../errors.ts";
import { createRestoreTree } from "./restore-tree.ts";
import type { TreeBackup, TreeDisk } from "./tree-backup.ts";
import type { RestoreTree } from "./tree-node.ts";

const vm = { namespace: "shop", name: "web" };
const completedAt = new Date("2026-03-01T23:59:59Z");

async function names(tree: RestoreTree, path: string): Promise<string[]> {
  const found: string[] = [];
  for await (const batch of (await tree.resolve(nameFromText(path))).list()) {
    found.push(...batch.map((child) => `${displayName(child.name)}${child.type === "directory" ? "/" : ""}`));
  }
  return found;
}

async function text(tree: RestoreTree, path: string): Promise<string> {
  const source = await (await tree.resolve(nameFromText(path))).open();
  return Buffer.from(await source.read(0, source.size)).toString();
}

function rootFileSystem(): MemoryFileSystem {
  const fileSystem = new MemoryFileSystem("ext4");
  fileSystem.file(fileSystem.directory(fileSystem.root, "etc"), "hostname", "web\n");
  fileSystem.directory(fileSystem.root, "boot");
  return fileSystem;
}

function backup(name: string, ...disks: TreeDisk[]): TreeBackup {
  return { name, vm, completedAt, disks };
}

test("a disk with one file system is reached by backup, by date, and by date and VM", async () => {
  const disk = memoryTreeDisk("web-root", memoryDisk(rootFileSystem()));
  const tree = createRestoreTree({ backups: [backup("daily", disk)], layout: "backups" });
  expect(await names(tree, "/")).toEqual(["backups/", "restores/", "METADATA.json"]);
  expect(await names(tree, "/restores")).toEqual(["2026-03-01/", "METADATA.json"]);
  for (const path of ["/backups/daily", "/restores/2026-03-01/daily", "/restores/2026-03-01/daily/web"]) {
    expect(await text(tree, `${path}/web-root/etc/hostname`)).toBe("web\n");
  }
  const [first, second] = await Promise.all(
    ["/backups/daily", "/restores/2026-03-01/daily/web"].map(async (path) =>
      (await tree.resolve(nameFromText(`${path}/web-root/etc/hostname`))).stat(),
    ),
  );
  expect(first?.identity).toBe(second?.identity);
  expect(disk.opened).toBe(1);
});

test("listing backups opens no disk, and many openers at once open it once", async () => {
  const disk = memoryTreeDisk("root", memoryDisk(rootFileSystem()));
  const tree = createRestoreTree({ backups: [backup("a", disk)], layout: "backups" });
  expect(await names(tree, "/backups")).toEqual(["a/"]);
  expect(await names(tree, "/restores/2026-03-01")).toEqual(["a/"]);
  expect((await tree.inventory()).backups[0]?.disks[0]?.state).toBe("not-opened");
  expect(disk.opened).toBe(0);
  await Promise.all(Array.from({ length: 20 }, () => text(tree, "/backups/a/root/etc/hostname")));
  expect(disk.opened).toBe(1);
});

test("virtual directories are read-only, owned by root and dated by the backup", async () => {
  const tree = createRestoreTree({ backups: [backup("a")], layout: "backups" });
  const stat = await (await tree.resolve(nameFromText("/backups/a"))).stat();
  expect(stat).toMatchObject({ type: "directory", mode: 0o555, uid: 0, gid: 0 });
  expect(stat.mtime).toBe(BigInt(completedAt.getTime()) * 1_000_000n);
});

test("a VM named like a disk does not hide the disk", async () => {
  const disk = memoryTreeDisk("web", memoryDisk(rootFileSystem()));
  const tree = createRestoreTree({ backups: [backup("a", disk)], layout: "backups" });
  expect(await names(tree, "/restores/2026-03-01/a")).toEqual(["web/", "web~2/"]);
  expect(await names(tree, "/restores/2026-03-01/a/web")).toEqual(["etc/", "boot/"]);
  expect(await names(tree, "/restores/2026-03-01/a/web~2")).toEqual(["web/"]);
});

test("hostile names stay single names and never collide", async () => {
  const hostile = ["..", "a/b", "a%2Fb", "a/b", ".", "", "n\0l", "x".repeat(400)];
  const disks = hostile.map((name) => memoryTreeDisk(name, memoryDisk(rootFileSystem())));
  const tree = createRestoreTree({ backups: [{ name: "..", vm, disks }], layout: "backups" });
  expect(await names(tree, "/backups")).toEqual(["%2E%2E/"]);
  const listed = await names(tree, "/backups/%2E%2E");
  expect(listed.slice(0, 7)).toEqual(["%2E%2E/", "a%2Fb/", "a%2Fb~2/", "a%2Fb~3/", "%2E/", "%/", "n%00l/"]);
  expect(listed[7]?.length).toBeLessThanOrEqual(256);
  expect(new Set(listed).size).toBe(hostile.length);
  for (const name of listed) expect(await names(tree, `/backups/%2E%2E/${name}`)).toEqual(["etc/", "boot/"]);
  expect(await names(tree, "/restores")).toEqual(["undated/", "METADATA.json"]);
});

test("several file systems: the guest's own view, and each by itself", async () => {
  const root = rootFileSystem();
  const boot = new MemoryFileSystem("xfs");
  boot.file(boot.root, "vmlinuz", "kernel");
  const lost = new MemoryFileSystem("vfat");
  const mounts = [
    { path: nameFromText("/boot/efi"), fileSystem: lost },
    { path: nameFromText("/boot"), fileSystem: boot },
  ];
  const tree = createRestoreTree({
    backups: [backup("a", memoryTreeDisk("d", memoryDisk(boot, root, lost)))],
    layout: "disks",
    findGuest: async () => ({ root, mounts }),
  });
  expect(await names(tree, "/")).toEqual(["d/", "d.volumes/"]);
  expect(await names(tree, "/d/boot")).toEqual(["vmlinuz"]);
  expect(await names(tree, "/d/boot/..")).toEqual(["etc/", "boot/"]);
  expect(await names(tree, "/d.volumes")).toEqual(["1-xfs/", "2-ext4/", "3-vfat/"]);
  expect(await names(tree, "/d.volumes/2-ext4/boot")).toEqual([]);
  const disk = (await tree.inventory()).backups[0]?.disks[0];
  expect(disk?.fileSystems.map(({ path }) => path)).toEqual([
    "/d.volumes/1-xfs",
    "/d.volumes/2-ext4",
    "/d.volumes/3-vfat",
  ]);
  expect(disk?.reasons).toEqual([expect.stringContaining("not mounted on /boot/efi")]);
});

test("several file systems without a recognised root are shown by name", async () => {
  const tree = createRestoreTree({
    backups: [backup("a", memoryTreeDisk("d", memoryDisk(rootFileSystem(), rootFileSystem())))],
    layout: "disks",
  });
  expect(await names(tree, "/d")).toEqual(["1-ext4/", "2-ext4/"]);
  expect(await names(tree, "/d/2-ext4/etc")).toEqual(["hostname"]);
});

test("a disk that cannot be read is empty, says why, and leaves the others alone", async () => {
  const bad: TreeDisk = {
    name: "bad",
    open: async () => {
      throw new UnsupportedFeatureError("luks", ["encryption"]);
    },
  };
  const gone: TreeDisk = { ...bad, name: "gone", unavailable: "the volume was not backed up" };
  const good = memoryTreeDisk("good", memoryDisk(rootFileSystem()));
  const tree = createRestoreTree({ backups: [backup("a", bad, gone, good)], layout: "backups" });
  expect(await names(tree, "/backups/a")).toEqual(["bad/", "gone/", "good/"]);
  expect(await names(tree, "/backups/a/bad")).toEqual([]);
  await expect(tree.resolve(nameFromText("/backups/a/bad/etc"))).rejects.toThrow(/luks: not supported: encryption/);
  expect(await text(tree, "/backups/a/good/etc/hostname")).toBe("web\n");
  const metadata = JSON.parse(await text(tree, "/METADATA.json"));
  expect(metadata.backups[0].disks.map((disk: { reasons: string[] }) => disk.reasons)).toEqual([
    ["luks: not supported: encryption"],
    ["the volume was not backed up"],
    [],
  ]);
  expect(metadata.backups[0].pvcs[2]).toEqual({
    pvc_name: "good",
    source_path: "/backups/a/good",
    mount_path: "/restores/2026-03-01/a/good",
    backup_date: "2026-03-01",
    mount_status: "success",
  });
  expect(metadata.statistics).toEqual({ total_backups: 1, total_pvcs: 3, successful_mounts: 1, failed_mounts: 2 });
});

test("a failure that may pass is not asked again at once, and one opener's abort does not fail another", async () => {
  let opened = 0;
  const slow: TreeDisk = {
    name: "slow",
    open: async () => {
      opened++;
      await new Promise((resolve) => setTimeout(resolve, 20));
      throw new SourceError("bucket: 503", { retryable: true });
    },
  };
  const tree = createRestoreTree({ backups: [backup("a", slow)], layout: "backups" });
  const hurried = tree.resolve(nameFromText("/backups/a/slow"), { signal: AbortSignal.timeout(1) });
  const patient = tree.resolve(nameFromText("/backups/a/slow"));
  await expect(hurried).rejects.toThrow(/timeout/);
  expect((await patient).type).toBe("directory");
  await tree.resolve(nameFromText("/backups/a/slow"));
  expect(opened).toBe(1);
});

test("closing the tree closes the disks that were opened, and nothing opens afterwards", async () => {
  const opened = memoryDisk(rootFileSystem());
  const never = memoryTreeDisk("never", memoryDisk(rootFileSystem()));
  const tree = createRestoreTree({ backups: [backup("a", memoryTreeDisk("d", opened), never)], layout: "backups" });
  await tree.resolve(nameFromText("/backups/a/d"));
  await tree.close();
  expect(opened.closed).toBe(true);
  expect(await names(tree, "/backups/a/never")).toEqual([]);
  expect(never.opened).toBe(0);
});

test("nothing a file system says of a file is lost on the way", async () => {
  const said = {
    ...{ mode: 0o4755, uid: 1, gid: 2, size: 0, allocated: 4, links: 5, mtime: 6n, atime: 7n, ctime: 8n },
    ...{ birthtime: 9n, device: { major: 10, minor: 11 }, owner: "S-1-5-18", flags: ["immutable"] },
  };
  const fileSystem = rootFileSystem();
  fileSystem.file(fileSystem.root, "file", "", said);
  const disk = memoryTreeDisk("web-root", memoryDisk(fileSystem));
  const tree = createRestoreTree({ backups: [backup("daily", disk)], layout: "backups" });
  const stat = await (await tree.resolve(nameFromText("/backups/daily/web-root/file"))).stat();
  expect(stat).toEqual({ ...said, type: "file", identity: expect.any(String) });
});
