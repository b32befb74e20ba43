/** What else reads files out of a disk image, each by the same four tasks. */
import { execFileSync } from "node:child_process";
import path from "node:path";
import { vmfrCommand } from "../program.ts";
import { quote, type Sample, timePiped } from "../timing.ts";
import { withFuse2fs, withFuseMount, withGuestmount, withKernelMount } from "./mounts.ts";

/** Where on the disk the things lie that are read; paths from its root. */
export interface Places {
  readonly hostname: string;
  readonly bigFile: string;
  readonly smallFiles: string;
}

/** Milliseconds a task takes; absent where the tool cannot do it. */
export interface DiskReader {
  readonly name: string;
  /** From nothing to the first byte of a file of one line: start of the process, mounting. */
  readonly firstByte: Sample;
  /** The big file to a pipe. */
  readonly read: Sample;
  /** Every entry with its stat. */
  readonly walk?: Sample;
  /** The directory of small files as one tar, to a pipe. */
  readonly tar?: Sample;
  /** Every name, where the tool lists them without walking or looking at the files. */
  readonly names?: Sample;
}

export function vmfrReader(image: string, places: Places): DiskReader {
  const on = (command: string, file: string, ...options: readonly string[]) =>
    timePiped(vmfrCommand(command, "--disk", `disk=${image}`, ...options, `/disk/${file}`));
  return {
    name: "vmfr",
    firstByte: () => on("cat", places.hostname),
    read: () => on("cat", places.bigFile),
    walk: () => on("ls", "", "-l", "-R"),
    tar: () => on("get", places.smallFiles, "--format", "tar", "-o", "-"),
    names: () => on("ls", "", "-R"),
  };
}

/** The Sleuth Kit: finds a file by name with one tool and reads it with another. */
export function sleuthKit(image: string, places: Places): DiskReader {
  const file = quote(image);
  const bigFile = execFileSync("ifind", ["-n", `/${places.bigFile}`, image], { encoding: "utf8" }).trim();
  return {
    name: "Sleuth Kit",
    firstByte: () => timePiped(`icat ${file} $(ifind -n ${quote(`/${places.hostname}`)} ${file})`),
    read: () => timePiped(`icat ${file} ${bigFile}`),
    walk: () => timePiped(`fls -r -p ${file}`),
  };
}

export function sevenZip(image: string, places: Places): DiskReader {
  const extract = (file: string) => timePiped(`7zz e -so ${quote(image)} ${quote(file)} 2> /dev/null`);
  return {
    name: "7-Zip",
    firstByte: () => extract(places.hostname),
    read: () => extract(places.bigFile),
    names: () => timePiped(`7zz l ${quote(image)}`),
  };
}

type Mount = <Result>(work: (root: string) => Promise<Result>) => Promise<Result>;

/** A mount of any kind: a fresh one for every task, its making part of the first byte alone. */
function mounted(name: string, mount: Mount, places: Places): DiskReader {
  return {
    name,
    firstByte: async () => {
      const start = performance.now();
      return mount(async (root) => {
        await catFile(root, places.hostname);
        return performance.now() - start;
      });
    },
    read: () => mount((root) => catFile(root, places.bigFile)),
    walk: () => mount(listTree),
    tar: () => mount((root) => tarOf(root, places.smallFiles)),
  };
}

export function kernelReader(image: string, places: Places, type: "ext4" | "xfs"): DiskReader {
  return mounted("kernel mount", (work) => withKernelMount(image, work, type), places);
}

export function ntfs3g(image: string, places: Places): DiskReader {
  return mounted("ntfs-3g", (work) => withFuseMount(["ntfs-3g", "-o", "ro"], image, work), places);
}

export function fuse2fsFigures(image: string, places: Places): Promise<Times> {
  return once((work) => withFuse2fs(image, work), places);
}

export function guestmountFigures(image: string, places: Places): Promise<Times> {
  return once((work) => withGuestmount(image, work), places);
}

/** All four tasks in one mount, once: for what takes seconds to come up, or minutes for everything. */
async function once(mount: Mount, places: Places): Promise<Times> {
  const start = performance.now();
  return mount(async (root) => {
    await catFile(root, places.hostname);
    const firstByte = performance.now() - start;
    const read = await catFile(root, places.bigFile);
    const walk = await listTree(root);
    return { firstByte, read, walk, tar: await tarOf(root, places.smallFiles) };
  });
}

/** Milliseconds of each task. */
export type Times = Partial<Record<Exclude<keyof DiskReader, "name">, number>>;

function catFile(root: string, file: string): Promise<number> {
  return timePiped(`cat ${quote(path.join(root, file))}`);
}

function listTree(root: string): Promise<number> {
  return timePiped(`find ${quote(root)} -ls`);
}

/** Extended attributes too, which vmfr archives as well. */
function tarOf(root: string, directory: string): Promise<number> {
  return timePiped(`tar --format=pax --xattrs -C ${quote(root)} -cf - ${quote(directory)}`);
}
