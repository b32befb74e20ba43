/** What a restore tree is built from; the CLI and the pods fill it from Velero backups or local images. */
import type { Disk } from "../disk/disk.ts";

/** Another disk of the same VM; `position` counts the disks of the backup from 0. */
export interface SiblingDisk {
  readonly position: number;
  readonly disk: Disk;
}

export interface TreeDisk {
  /** PVC name, or the name the user gave a local image. */
  readonly name: string;
  /** Bytes, when known before opening. */
  readonly size?: number;
  /** Set when its bytes cannot be read from here: a sentence. The disk is then an empty directory. */
  readonly unavailable?: string;
  /** Called at most once at a time, on first access; a failure is remembered as the disk's reason and may be retried. */
  open(signal?: AbortSignal): Promise<Disk>;
  /** Opens the VM's other disks, as far as they can be read. They stay open until the opened disk is closed. */
  siblings?(signal?: AbortSignal): Promise<readonly SiblingDisk[]>;
}

export interface TreeBackup {
  readonly name: string;
  readonly vm: { readonly namespace: string; readonly name: string };
  /** Absent for local disk images. */
  readonly completedAt?: Date;
  readonly disks: readonly TreeDisk[];
}
