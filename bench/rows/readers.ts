/** Every tool that reads a file system, beside vmfr in the same run: first byte, sequential read, walk, archive. */
import { type FileSystemName, SMALL_DISK, smallDisk, smallDiskEntries } from "../fixtures/small-disk.ts";
import {
  type DiskReader,
  fuse2fsFigures,
  guestmountFigures,
  kernelReader,
  ntfs3g,
  type Places,
  sevenZip,
  sleuthKit,
  type Times,
  vmfrReader,
} from "../peers/disk-readers.ts";
import type { Comparison } from "../result.ts";
import type { Row, RowOptions } from "../row.ts";
import { takeTurns } from "../timing.ts";

type Task = keyof Times;

/**
 * How many times as fast as that tool. The other goals of docs/performance.md are about larger disks, measured in rows
 * of their own: on these, the start of a process counts for much, and the figures are for information.
 */
const GOALS: Readonly<Record<string, Partial<Record<Task, number>>>> = {
  "7-Zip": { firstByte: 1 / 1.2 },
  "kernel mount": { tar: 1 / 2 },
  "guestmount -m": { firstByte: 50, read: 15 },
};

const TASKS: readonly Task[] = ["firstByte", "read", "walk", "names", "tar"];

const PEERS: Readonly<Record<FileSystemName, readonly ((image: string, places: Places) => DiskReader)[]>> = {
  ext4: [(image, places) => kernelReader(image, places, "ext4"), sleuthKit, sevenZip],
  xfs: [(image, places) => kernelReader(image, places, "xfs")],
  ntfs: [ntfs3g, sleuthKit, sevenZip],
  vfat: [sleuthKit, sevenZip],
};

async function compare(type: FileSystemName, { runs }: RowOptions): Promise<Comparison[]> {
  const image = await smallDisk(type);
  const readers = [vmfrReader, ...PEERS[type]].map((make) => make(image, SMALL_DISK));
  const times = new Map<string, Times>(readers.map(({ name }) => [name, {}]));
  for (const task of TASKS) {
    const able = readers.flatMap((reader) => {
      const sample = reader[task];
      return sample === undefined ? [] : [{ name: reader.name, sample }];
    });
    const medians = await takeTurns(runs, ...able.map(({ sample }) => sample));
    able.forEach(({ name }, index) => {
      times.set(name, { ...times.get(name), [task]: medians[index] });
    });
  }
  if (type === "ext4") times.set("fuse2fs", await fuse2fsFigures(image, SMALL_DISK));
  times.set("guestmount -m", await guestmountFigures(image, SMALL_DISK));
  const ours = times.get("vmfr") ?? {};
  return TASKS.flatMap((task) =>
    [...times].flatMap(([peer, theirs]) => (peer === "vmfr" ? [] : comparison(type, task, ours, peer, theirs))),
  );
}

function comparison(type: FileSystemName, task: Task, ours: Times, peer: string, theirs: Times): Comparison[] {
  const their = theirs[task];
  const our = ours[task];
  if (their === undefined || our === undefined) return [];
  const atLeast = GOALS[peer]?.[task];
  const what = describeTask(type, task);
  return [{ kind: "comparison", what, ours: our, theirs: their, peer, ...(atLeast === undefined ? {} : { atLeast }) }];
}

function describeTask(type: FileSystemName, task: Task): string {
  const { smallFiles, all } = smallDiskEntries(type);
  const words: Readonly<Record<Task, string>> = {
    firstByte: "first byte of /etc/hostname",
    read: `file of ${SMALL_DISK.bigFileSize / 1024 ** 2} MiB`,
    walk: `walk of ${all} entries`,
    names: `names of ${all} entries`,
    tar: `${smallFiles} small files as tar`,
  };
  return words[task];
}

const PACKAGES: Readonly<Record<FileSystemName, readonly string[]>> = {
  ext4: ["e2fsprogs", "fuse2fs", "sleuthkit", "7zip", "libguestfs-tools"],
  xfs: ["xfsprogs", "libguestfs-tools"],
  ntfs: ["ntfs-3g", "sleuthkit", "7zip", "libguestfs-tools"],
  vfat: ["dosfstools", "mtools", "sleuthkit", "7zip", "libguestfs-tools"],
};

export const readerRows: readonly Row[] = (["ext4", "xfs", "ntfs", "vfat"] as const).map((type) => ({
  name: `readers-${type}`,
  packages: PACKAGES[type],
  measure: (options) => compare(type, options),
}));
