/** Backups whose volumes are attached to this machine: restored PVCs in a file-serving pod. */
import { lstat } from "node:fs/promises";
import path from "node:path";
import type { DecompressZstd } from "../disk/image/decompress-zstd.ts";
import { openDisk } from "../disk/open-disk.ts";
import { ConfigError, describeError, SourceError, UnsupportedFeatureError } from "../errors.ts";
import { FileSource } from "../source/file-source.ts";
import type { TreeBackup, TreeDisk } from "./tree-backup.ts";

export interface AttachedBackup extends Omit<TreeBackup, "disks"> {
  readonly disks: readonly (AttachedVolume | MissingVolume)[];
}

export interface AttachedVolume {
  /** Name of the PVC that was backed up. */
  readonly name: string;
  /** `Block`: `path` is a device; `Filesystem`: a directory that holds the disk image. */
  readonly volumeMode: "Block" | "Filesystem";
  readonly path: string;
}

export interface MissingVolume {
  readonly name: string;
  /** A sentence. */
  readonly unavailable: string;
}

/**
 * The image's name on a volume with a file system: KubeVirt's and CDI's own first. Only these are looked for, so
 * that no name from inside the volume ever becomes a path.
 */
const IMAGE_NAMES = ["disk.img", "disk.qcow2", "disk.raw", "disk.qcow"] as const;

export function attachedBackup(backup: AttachedBackup, decompressZstd: DecompressZstd): TreeBackup {
  return { ...backup, disks: backup.disks.map((disk) => treeDisk(disk, decompressZstd)) };
}

function treeDisk(volume: AttachedVolume | MissingVolume, decompressZstd: DecompressZstd): TreeDisk {
  if ("unavailable" in volume) {
    const { name, unavailable } = volume;
    return { name, unavailable, open: () => Promise.reject(new SourceError(unavailable, { retryable: false })) };
  }
  const { name, volumeMode } = volume;
  return {
    name,
    async open(signal) {
      const options = { decompressZstd, ...(signal === undefined ? {} : { signal }) };
      // A device is the disk itself: KubeVirt gives it to the guest as raw, so a guest's own bytes must not make it
      // pass for another format. A file may be either, and no name inside a qcow2 image is ever followed.
      if (volumeMode === "Block") return openDisk(await FileSource.open(volume.path), { ...options, format: "raw" });
      return openDisk(await FileSource.open(await findImage(volume)), options);
    },
  };
}

async function findImage({ name, path: directory }: AttachedVolume): Promise<string> {
  for (const candidate of IMAGE_NAMES) {
    const file = path.join(directory, candidate);
    if (await isRegularFile(file)) return file;
  }
  throw new UnsupportedFeatureError("volume", [`${name} without ${IMAGE_NAMES.join(", ")}`], "it holds no VM's disk");
}

/** A link could lead out of the volume, so it does not count. */
async function isRegularFile(file: string): Promise<boolean> {
  try {
    return (await lstat(file)).isFile();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT") return false;
    if (code === "ENOTDIR") throw new ConfigError(`${path.dirname(file)} is not a directory`, { cause: error });
    throw new SourceError(`${file}: cannot be examined (${describeError(error)})`, { retryable: false, cause: error });
  }
}
