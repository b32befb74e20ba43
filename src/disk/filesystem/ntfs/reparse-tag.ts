/** Reparse tags ([MS-FSCC] section 2.1.2.1) and what vmfr makes of them. */
import type { FileType } from "../file-system.ts";

export const REPARSE_TAG = {
  MOUNT_POINT: 0xa000_0003,
  SYMLINK: 0xa000_000c,
  DEDUP: 0x8000_0013,
  WOF: 0x8000_0017,
  APP_EXECUTION_LINK: 0x8000_001b,
  LX_SYMLINK: 0xa000_001d,
  AF_UNIX: 0x8000_0023,
  LX_FIFO: 0x8000_0024,
  LX_CHARACTER_DEVICE: 0x8000_0025,
  LX_BLOCK_DEVICE: 0x8000_0026,
} as const;

const NAMES: readonly (readonly [tag: number, what: string])[] = [
  [REPARSE_TAG.DEDUP, "Data Deduplication"],
  [REPARSE_TAG.APP_EXECUTION_LINK, "app execution alias"],
  [0x8000_0007, "Single Instance Storage"],
  [0xc000_0004, "Hierarchical Storage Management"],
  [0x8000_0006, "Hierarchical Storage Management 2"],
  [0x8000_0008, "WIM mount"],
  [0x8000_000a, "Distributed File System"],
  [0x8000_0018, "Windows Container Isolation"],
  [0x8000_001e, "Azure File Sync"],
  [0x9000_001c, "Projected File System"],
  [0x9000_0018, "Windows Container Isolation"],
];

/** 0x9000001A to 0x9000F01A: one of sixteen kinds of cloud files. */
export function isCloudTag(tag: number): boolean {
  return (tag & 0xffff_0fff) >>> 0 === 0x9000_001a;
}

/** For people: `Data Deduplication (reparse point 0x80000013)`. */
export function describeTag(tag: number): string {
  const number = `reparse point 0x${tag.toString(16).padStart(8, "0")}`;
  const name = isCloudTag(tag) ? "cloud file (OneDrive and the like)" : NAMES.find(([each]) => each === tag)?.[1];
  return name === undefined ? number : `${name}, ${number}`;
}

/** Undefined for tags that leave a file a file and a directory a directory. */
export function typeOfTag(tag: number): FileType | undefined {
  switch (tag) {
    case REPARSE_TAG.MOUNT_POINT:
    case REPARSE_TAG.SYMLINK:
    case REPARSE_TAG.LX_SYMLINK:
      return "symlink";
    case REPARSE_TAG.AF_UNIX:
      return "socket";
    case REPARSE_TAG.LX_FIFO:
      return "fifo";
    case REPARSE_TAG.LX_CHARACTER_DEVICE:
      return "character-device";
    case REPARSE_TAG.LX_BLOCK_DEVICE:
      return "block-device";
    default:
      return undefined;
  }
}
