/** What is found on one disk: its image format, its partition table and the volumes inside. */
import type { ByteSource } from "../source/byte-source.ts";
import type { FileSystem } from "./filesystem/file-system.ts";

export interface ImageInfo {
  /** `raw` or `qcow2`. */
  readonly format: string;
  /** Bytes the guest sees. */
  readonly virtualSize: number;
  /** Format facts worth showing, each a short phrase: `version 3`, `cluster size 64 KiB`, `compressed clusters (zstd)`. */
  readonly features: readonly string[];
  readonly snapshots: readonly { readonly id: string; readonly name: string }[];
  /** Sentences: dirty bit set, corrupt bit set, … */
  readonly warnings: readonly string[];
}

/** A disk image seen as the guest sees it: `size` is the virtual size. */
export interface DiskImage extends ByteSource {
  readonly info: ImageInfo;
}

export type PartitionScheme = "mbr" | "gpt" | "none";

export interface Partition {
  /** As the guest's kernel counts: 1 for sda1; logical partitions from 5. */
  readonly number: number;
  /** Bytes from the start of the disk. */
  readonly offset: number;
  readonly size: number;
  /** MBR type as `0x83`, GPT type as a lower-case GUID. */
  readonly type: string;
  /** GPT partition name, when set. */
  readonly name?: string;
  /** PARTUUID as `blkid` prints it. */
  readonly uuid?: string;
}

export interface PartitionTable {
  readonly scheme: PartitionScheme;
  readonly sectorSize: number;
  /** Sorted by number. */
  readonly partitions: readonly Partition[];
  /** Sentences: primary header damaged and backup used, overlapping partitions, … */
  readonly warnings: readonly string[];
}

/** What a stretch of bytes turned out to hold. */
export type VolumeContent =
  | { readonly kind: "file-system"; readonly fileSystem: FileSystem }
  /** Known not to hold files: swap, BIOS boot, empty. */
  | { readonly kind: "no-files"; readonly what: string }
  /** Recognised but not readable, or damaged: `what` names it, `reason` is a sentence with the way out. */
  | {
      readonly kind: "unreadable";
      readonly what: string;
      readonly reason: string;
      /** Holds volumes, perhaps together with others: `assembleDisks` finds them. */
      readonly container?: ContainerFormat;
    };

/** `md`: a member of a Linux software RAID array. */
export type ContainerFormat = "lvm2" | "md" | "luks";

export interface Volume {
  /** Unique on the disk, usable as a directory name: `1-boot`, `2-ext4`, `whole-ext4`. */
  readonly name: string;
  /** Absent for a file system on the whole disk. */
  readonly partition?: Partition;
  /** For a volume that is no partition: the device files by which the guest knows it, `/dev/vg/root`, `/dev/mapper/vg-root`. */
  readonly devices?: readonly string[];
  readonly source: ByteSource;
  readonly content: VolumeContent;
}

export interface Disk {
  readonly image: ImageInfo;
  /** The whole disk as the guest sees it. */
  readonly source: DiskImage;
  readonly table: PartitionTable;
  readonly volumes: readonly Volume[];
  /** Closes the file systems and the image. */
  close(): Promise<void>;
}
