import type { FileType } from "../../disk/filesystem/file-system.ts";

/** S_IFMT bits of POSIX `st_mode`. */
const TYPE_BITS: Record<FileType, number> = {
  file: 0o100000,
  directory: 0o040000,
  symlink: 0o120000,
  fifo: 0o010000,
  socket: 0o140000,
  "character-device": 0o020000,
  "block-device": 0o060000,
  unknown: 0,
};

/** POSIX `st_mode`: permission bits and type in one number, as Linux has them and protocols carry them. */
export function posixMode(stat: { readonly type: FileType; readonly mode: number }): number {
  return TYPE_BITS[stat.type] | stat.mode;
}
