import type { FileType } from "./file-system.ts";

/** By the upper four bits of a Unix mode. */
const TYPES: Readonly<Record<number, FileType>> = {
  1: "fifo",
  2: "character-device",
  4: "directory",
  6: "block-device",
  8: "file",
  10: "symlink",
  12: "socket",
};

/** @returns undefined where the 16-bit mode names no type */
export function fileTypeOf(modeWord: number): FileType | undefined {
  return TYPES[modeWord >>> 12];
}
