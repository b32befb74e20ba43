/** Disk images in local files: start-up, sequential reads, walks, archives. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { nameFromText } from "../../src/bytes/byte-name.ts";
import { localBackup } from "../../src/cli/local-disks.ts";
import { findGuest } from "../../src/disk/guest/find-guest.ts";
import { createRestoreTree } from "../../src/restore-tree/restore-tree.ts";
import { compressedDisk, GUEST, qcow2Disk, rawDisk } from "../fixtures/guest-disk.ts";
import { withFuse2fs, withGuestmount, withKernelMount, withQemuExport } from "../peers/mounts.ts";
import { vmfrCommand } from "../program.ts";
import type { Measurement } from "../result.ts";
import type { Row, RowOptions } from "../row.ts";
import { quote, takeTurns, time, timePiped } from "../timing.ts";

function onDisk(command: string, image: string, file: string, ...options: readonly string[]): string {
  return vmfrCommand(command, "--disk", `disk=${image}`, ...options, `/disk/${file}`);
}

async function start({ runs }: RowOptions): Promise<Measurement[]> {
  const image = await rawDisk();
  const ours = onDisk("cat", image, GUEST.hostname);
  const [vmfr = Number.NaN, sevenZip = Number.NaN, node = Number.NaN] = await takeTurns(
    Math.max(runs, 9),
    () => timePiped(ours),
    () => timePiped(`7zz e -so ${quote(image)} ${GUEST.hostname} 2> /dev/null`),
    () => timePiped(`${quote(process.execPath)} -e 0`),
  );
  const guestmount = await timeGuestmount(image);
  const what = `first byte of /etc/hostname (Node alone ${node.toFixed(0)} ms)`;
  return [
    { kind: "comparison", what, ours: vmfr, theirs: sevenZip, peer: "7-Zip", atLeast: 1 / 1.2 },
    { kind: "comparison", what, ours: vmfr, theirs: guestmount, peer: "guestmount -m", atLeast: 50 },
  ];
}

/** Once: it takes seconds, many without KVM. */
async function timeGuestmount(image: string): Promise<number> {
  const started = performance.now();
  return withGuestmount(image, async (root) => {
    readFileSync(path.join(root, GUEST.hostname));
    return performance.now() - started;
  });
}

/** What a running server does when somebody first looks into a disk. */
async function openAndList(image: string): Promise<void> {
  const tree = createRestoreTree({
    backups: [localBackup([{ name: "disk", file: image, backing: [] }])],
    layout: "disks",
    findGuest,
  });
  try {
    const root = await tree.resolve(nameFromText("/disk"));
    for await (const batch of root.list()) for (const child of batch) await child.node.stat();
  } finally {
    await tree.close();
  }
}

async function open({ runs }: RowOptions): Promise<Measurement[]> {
  const image = await rawDisk();
  const [ours = Number.NaN, theirs = Number.NaN] = await takeTurns(
    Math.max(runs, 15),
    () => time(() => openAndList(image)),
    () => timeMountAndList(image),
  );
  const what = "open a 10 GiB disk, list /";
  return [
    { kind: "figure", what, value: ours, unit: "ms", atMost: 50 },
    { kind: "comparison", what, ours, theirs, peer: "kernel loop mount", atLeast: 1 / 5 },
  ];
}

/** Without the unmounting. */
async function timeMountAndList(image: string): Promise<number> {
  let taken = Number.NaN;
  const started = performance.now();
  await withKernelMount(image, async (root) => {
    readdirSync(root, { withFileTypes: true });
    taken = performance.now() - started;
  });
  return taken;
}

const timeBigFile = (root: string) => timePiped(`cat ${quote(path.join(root, GUEST.bigFile))}`);

async function readRaw({ runs }: RowOptions): Promise<Measurement[]> {
  const image = await rawDisk();
  const inode = inodeOf(image, GUEST.bigFile);
  const [ours = Number.NaN, icat = Number.NaN, fuse2fs = Number.NaN] = await takeTurns(
    runs,
    () => timePiped(onDisk("cat", image, GUEST.bigFile)),
    () => timePiped(`icat ${quote(image)} ${inode}`),
    () => withFuse2fs(image, timeBigFile),
  );
  const what = `1 GiB file, raw (${rate(ours)})`;
  return [
    { kind: "comparison", what, ours, theirs: icat, peer: "icat", atLeast: 1 },
    { kind: "comparison", what, ours, theirs: fuse2fs, peer: "fuse2fs", atLeast: 2.5 },
  ];
}

function inodeOf(image: string, file: string): string {
  const output = execFileSync("debugfs", ["-R", `stat /${file}`, image], { stdio: ["ignore", "pipe", "ignore"] });
  const number = /^Inode: (\d+)/m.exec(output.toString())?.[1];
  if (number === undefined) throw new Error(`debugfs does not find /${file}`);
  return number;
}

function rate(milliseconds: number): string {
  return `${Math.round(GUEST.bigFileSize / 1000 / milliseconds)} MB/s`;
}

async function readQcow2(image: string, name: string, atLeast: number, { runs }: RowOptions): Promise<Measurement[]> {
  const [ours = Number.NaN, theirs = Number.NaN] = await takeTurns(
    runs,
    () => timePiped(onDisk("cat", image, GUEST.bigFile)),
    () => withQemuExport(image, timeBigFile),
  );
  const what = `1 GiB file, ${name} (${rate(ours)})`;
  return [{ kind: "comparison", what, ours, theirs, peer: "qemu-storage-daemon", atLeast }];
}

async function walk({ runs }: RowOptions): Promise<Measurement[]> {
  const image = await rawDisk();
  const [ours = Number.NaN, names = Number.NaN, fls = Number.NaN, find = Number.NaN, sevenZip = Number.NaN] =
    await takeTurns(
      runs,
      () => timePiped(onDisk("ls", image, "", "-l", "-R")),
      () => timePiped(onDisk("ls", image, "", "-R")),
      () => timePiped(`fls -r -p ${quote(image)}`),
      () => withKernelMount(image, (root) => timePiped(`find ${quote(root)} -ls`)),
      () => timePiped(`7zz l ${quote(image)}`),
    );
  const what = "194,000 entries with stat";
  return [
    { kind: "comparison", what, ours, theirs: fls, peer: "fls -r -p", atLeast: 5 },
    { kind: "comparison", what, ours, theirs: find, peer: "kernel + find -ls", atLeast: 1 / 3 },
    { kind: "comparison", what: "all names", ours: names, theirs: sevenZip, peer: "7-Zip l", atLeast: 1 / 1.5 },
  ];
}

async function tar({ runs }: RowOptions): Promise<Measurement[]> {
  const image = await rawDisk();
  const [ours = Number.NaN, theirs = Number.NaN] = await takeTurns(
    runs,
    () => timePiped(onDisk("get", image, GUEST.smallFiles, "--format", "tar", "-o", "-")),
    () =>
      withKernelMount(image, (root) =>
        timePiped(`tar --format=pax --xattrs -C ${quote(root)} -cf - ${GUEST.smallFiles}`),
      ),
  );
  const what = "100,000 small files as tar";
  return [{ kind: "comparison", what, ours, theirs, peer: "kernel + GNU tar", atLeast: 1 / 2 }];
}

export const localRows: readonly Row[] = [
  { name: "start", packages: ["7zip", "e2fsprogs", "libguestfs-tools"], measure: start },
  { name: "open", packages: ["e2fsprogs"], measure: open },
  { name: "read-raw", packages: ["sleuthkit", "fuse2fs", "e2fsprogs"], measure: readRaw },
  {
    name: "read-qcow2",
    packages: ["qemu-utils", "qemu-system-common", "e2fsprogs"],
    measure: async (options) => readQcow2(await qcow2Disk(), "qcow2", 2, options),
  },
  {
    name: "read-compressed",
    packages: ["qemu-utils", "qemu-system-common", "e2fsprogs"],
    measure: async (options) => readQcow2(await compressedDisk(), "compressed qcow2", 1, options),
  },
  { name: "walk", packages: ["sleuthkit", "7zip", "e2fsprogs"], measure: walk },
  { name: "tar", packages: ["tar", "e2fsprogs"], measure: tar },
];
