import { execFileSync } from "node:child_process";
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { Disk } from "../../../src/disk/disk.ts";
import { findGuest } from "../../../src/disk/guest/find-guest.ts";
import { openDisk } from "../../../src/disk/open-disk.ts";
import { FileSource } from "../../../src/source/file-source.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { tally } from "../../setup/tally.ts";

const PACKAGES =
  "e2fsprogs xfsprogs btrfs-progs dosfstools exfatprogs ntfs-3g cryptsetup-bin squashfs-tools fdisk util-linux";

beforeAll(() => requireDebianPackages(...PACKAGES.split(" ")));

const MiB = 1024 * 1024;

function run(command: string, args: readonly string[], input = ""): string {
  const environment = { ...process.env, MKE2FS_DEVICE_SECTSIZE: "512" };
  return execFileSync(command, args, { encoding: "utf8", input, stdio: ["pipe", "pipe", "pipe"], env: environment });
}

function emptyFile(name: string, size: number, directory = scratchDirectory()): string {
  const file = path.join(directory, name);
  const descriptor = openSync(file, "w");
  ftruncateSync(descriptor, size);
  closeSync(descriptor);
  return file;
}

async function withDisk(file: string, work: (disk: Disk) => Promise<void> | void): Promise<void> {
  const disk = await openDisk(await FileSource.open(file));
  try {
    await work(disk);
  } finally {
    await disk.close();
  }
}

/** `name: kind what`, as short as it can be compared. */
const summary = (disk: Disk): string[] =>
  disk.volumes.map(({ name, content }) =>
    content.kind === "file-system"
      ? `${name}: ${content.fileSystem.info().type}`
      : `${name}: ${content.kind}, ${content.what}`,
  );

test.each([
  ["mkfs.ext4", ["-q", "-L", "root/home"], "whole-root_home: ext4"],
  ["mkfs.ext2", ["-q"], "whole-ext2: ext2"],
  ["mkfs.xfs", ["-q", "-f"], "whole-xfs: unreadable, XFS file system"],
  ["mkfs.btrfs", ["-q"], "whole-btrfs: unreadable, Btrfs file system"],
  ["mkfs.vfat", ["-F", "32"], "whole-vfat: unreadable, FAT file system"],
  ["mkfs.vfat", ["-F", "16"], "whole-vfat: unreadable, FAT file system"],
  ["mkfs.exfat", [], "whole-exfat: unreadable, exFAT file system"],
  ["mkfs.ntfs", ["-q", "-F", "-Q"], "whole-ntfs: unreadable, NTFS file system"],
  ["mkswap", ["-q"], "whole-swap: no-files, swap space"],
  ["mkswap", ["-q", "-p", "65536"], "whole-swap: no-files, swap space"],
] as const)("a whole disk made by %s %j", async (command, args, expected) => {
  const file = emptyFile("disk.img", 320 * MiB);
  run(command, [...args, file]);
  await withDisk(file, (disk) => {
    expect(disk.table).toEqual({ scheme: "none", sectorSize: 512, partitions: [], warnings: [] });
    // A format is named until a reader for it is there; then it is read.
    const type = expected.split(/[-:]/)[1];
    expect([expected, `whole-${type}: ${type}`]).toContain(summary(disk).join());
  });
  tally("volumes recognised as their mkfs made them", 1);
});

test.each([
  ["luks1", ["--pbkdf-force-iterations", "1000"]],
  ["luks2", ["--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000"]],
])("%s is named as encryption", async (type, quick) => {
  const file = emptyFile("disk.img", 32 * MiB);
  run("cryptsetup", ["luksFormat", "-q", "--type", type, ...quick, file, "-"], "geheim");
  await withDisk(file, (disk) => {
    expect(disk.volumes.map(({ content }) => content)).toEqual([
      {
        kind: "unreadable",
        what: "LUKS encryption",
        reason: "encrypted: to be opened with its passphrase",
        container: "luks",
      },
    ]);
  });
});

test("SquashFS and an empty disk", async () => {
  const directory = scratchDirectory();
  mkdirSync(path.join(directory, "tree"));
  const file = path.join(directory, "disk.img");
  run("mksquashfs", [path.join(directory, "tree"), file, "-quiet"]);
  await withDisk(file, (disk) => expect(summary(disk)).toEqual(["whole-squashfs: unreadable, SquashFS file system"]));
  await withDisk(emptyFile("empty.img", 10 * MiB), (disk) => {
    expect(summary(disk)).toEqual(["whole-empty: no-files, empty: zeros at its start and end"]);
  });
});

/** Two ext4 partitions, `boot` and a root whose fstab is given, swap, and one that holds noise. */
function guestDisk(fstab: (uuids: { boot: string; bootPartition: string }) => string): string {
  const directory = scratchDirectory();
  const disk = emptyFile("disk.img", 128 * MiB, directory);
  run("sfdisk", ["-q", disk], "label: gpt\nsize=16M\nsize=32M\nsize=16M\nsize=8M\n");
  const table = JSON.parse(run("sfdisk", ["--json", disk])) as {
    partitiontable: { partitions: { start: number; uuid: string }[] };
  };
  const place = (index: number, file: string) => {
    const descriptor = openSync(disk, "r+");
    writeSync(descriptor, readFileSync(file), 0, undefined, (table.partitiontable.partitions[index]?.start ?? 0) * 512);
    closeSync(descriptor);
  };
  const boot = emptyFile("boot.img", 16 * MiB, directory);
  run("mkfs.ext4", ["-q", "-L", "boot", boot]);
  const uuid = run("blkid", ["-o", "value", "-s", "UUID", boot]).trim();
  const tree = path.join(directory, "tree");
  mkdirSync(path.join(tree, "etc"), { recursive: true });
  mkdirSync(path.join(tree, "boot"));
  const bootPartition = table.partitiontable.partitions[0]?.uuid ?? "";
  writeFileSync(path.join(tree, "etc/fstab"), fstab({ boot: uuid, bootPartition }));
  const root = emptyFile("root.img", 32 * MiB, directory);
  run("mkfs.ext4", ["-q", "-d", tree, root]);
  const swap = emptyFile("swap.img", 16 * MiB, directory);
  run("mkswap", ["-q", swap]);
  const noise = path.join(directory, "noise.img");
  writeFileSync(noise, Buffer.alloc(8 * MiB, "noise"));
  for (const [index, file] of [boot, root, swap, noise].entries()) place(index, file);
  return disk;
}

test.each([
  ["UUID", ({ boot }: { boot: string }) => `UUID=${boot} /boot ext4 defaults 0 2\n`],
  ["label", () => "LABEL=boot /boot ext4\n"],
  ["PARTUUID", ({ bootPartition }: { bootPartition: string }) => `PARTUUID=${bootPartition} /boot ext4\n`],
  ["device", () => "/dev/vda1\t/boot\text4\n"],
])("the guest's own view, /boot named by its %s", async (_name, fstab) => {
  await withDisk(guestDisk(fstab), async (disk) => {
    expect(summary(disk)).toEqual([
      "1-boot: ext4",
      "2-ext4: ext4",
      "3-swap: no-files, swap space",
      "4-unknown: unreadable, unknown content",
    ]);
    const [boot, root] = disk.volumes.map(({ content }) =>
      content.kind === "file-system" ? content.fileSystem : undefined,
    );
    const guest = await findGuest(disk);
    expect(guest?.root).toBe(root);
    expect(guest?.mounts.map(({ path: at }) => Buffer.from(at).toString())).toEqual(["/boot"]);
    expect(guest?.mounts[0]?.fileSystem).toBe(boot);
  });
});

test("a damaged volume says why and hides no other", async () => {
  const file = guestDisk(() => "");
  const descriptor = openSync(file, "r+");
  // The root's block count: a copy of its superblock takes over.
  writeSync(descriptor, Buffer.of(0xff), 0, 1, 17 * MiB + 1024 + 0x05);
  ftruncateSync(descriptor, 70 * MiB);
  closeSync(descriptor);
  await withDisk(file, (disk) => {
    expect(summary(disk).map((line) => line.split(",")[0])).toEqual([
      "1-boot: ext4",
      "2-ext4: ext4",
      "3-swap: no-files",
      "4-unknown: unreadable",
    ]);
    expect(disk.table.warnings.join("\n")).toMatch(/backup GPT is missing.*\n.*partition 4 .* reaches beyond/);
  });
});

test("a whole-disk file system and a partition table at once: both are shown, with a warning", async () => {
  const file = emptyFile("disk.img", 64 * MiB);
  run("mkfs.ext4", ["-q", "-L", "whole", file]);
  run("sfdisk", ["-q", "--wipe", "never", "--no-tell-kernel", file], "label: dos\nstart=2048,size=20480\n");
  await withDisk(file, (disk) => {
    expect(disk.volumes.map(({ name }) => name)).toContain("whole-whole");
    expect(disk.table.partitions).toHaveLength(1);
    expect(disk.table.warnings).toEqual([
      "the disk has a partition table and is recognised as a whole too: both are shown",
    ]);
  });
});

test("two file systems at once: the readable one is served, with a warning", async () => {
  const file = emptyFile("disk.img", 320 * MiB);
  const btrfs = emptyFile("other.img", 320 * MiB);
  run("mkfs.ext4", ["-q", file]);
  run("mkfs.btrfs", ["-q", btrfs]);
  const superblock = readFileSync(btrfs).subarray(65_536, 65_536 + 4096);
  const descriptor = openSync(file, "r+");
  writeSync(descriptor, superblock, 0, superblock.length, 65_536);
  closeSync(descriptor);
  await withDisk(file, (disk) => {
    expect(summary(disk)).toEqual(["whole-ext4: ext4"]);
    expect(disk.table.warnings).toEqual([
      "volume whole-ext4: looks like ext file system, but also like Btrfs file system",
    ]);
  });
});
