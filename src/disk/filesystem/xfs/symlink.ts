import { Cursor } from "../../../bytes/cursor.ts";
import { LimitError } from "../../../errors.ts";
import type { Inode } from "./inode.ts";
import { readRemote, SYMLINK_BLOCK } from "./remote-blocks.ts";
import { inodeCorruption, type Volume } from "./volume.ts";

/** The kernel's bound; longer targets are never written. */
const LONGEST_TARGET = 1024;

/**
 * The raw target of a symbolic link, in the inode or in blocks of its own ("XFS Algorithms & Data Structures",
 * chapter "Symbolic Links").
 * @throws CorruptDataError, LimitError
 */
export async function readTarget(volume: Volume, inode: Inode, signal?: AbortSignal): Promise<Uint8Array> {
  const { number, size, data } = inode;
  if (size > volume.limits.symlinkTarget) {
    throw new LimitError("symlinkTarget", volume.limits.symlinkTarget, `xfs inode ${number}: link target`);
  }
  if (size === 0 || size > LONGEST_TARGET) throw inodeCorruption(number, `link target of ${size} bytes is impossible`);
  const target =
    data.format === "local"
      ? new Cursor(data.bytes, { format: "xfs", structure: `inode ${number}, link target` }).slice(0, size)
      : await readRemote(volume, { inode, fork: data, block: 0, size, kind: SYMLINK_BLOCK }, signal);
  if (target.includes(0)) throw inodeCorruption(number, "link target is cut short");
  return Uint8Array.from(target);
}
