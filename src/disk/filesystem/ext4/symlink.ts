import { LimitError, UnsupportedFeatureError } from "../../../errors.ts";
import { openContent } from "./content.ts";
import { INODE_FLAG, type Inode, inodeCorruption, inodeHas } from "./inode.ts";
import type { Volume } from "./volume.ts";

/**
 * The raw target of a symbolic link, kept in i_block when short, else as content
 * (kernel Documentation/filesystems/ext4/ifork.rst, "Symbolic Links").
 * @throws UnsupportedFeatureError for encrypted links, CorruptDataError, LimitError
 */
export async function readTarget(volume: Volume, inode: Inode, signal?: AbortSignal): Promise<Uint8Array> {
  if (inodeHas(inode, INODE_FLAG.ENCRYPT)) {
    throw new UnsupportedFeatureError("ext4", ["encrypted symbolic link"], "the guest's key is needed to read it");
  }
  if (inode.size > volume.limits.symlinkTarget) {
    throw new LimitError("symlinkTarget", volume.limits.symlinkTarget, `ext4 inode ${inode.number}: link target`);
  }
  const target = isFast(volume, inode)
    ? inode.blockArea.subarray(0, inode.size)
    : await readContent(volume, inode, signal);
  if (target.length === 0 || target.includes(0)) throw inodeCorruption(inode.number, "link target is cut short");
  return target;
}

/** A link without blocks of its own is kept in i_block; its attribute block does not count. */
function isFast(volume: Volume, inode: Inode): boolean {
  if (inodeHas(inode, INODE_FLAG.INLINE_DATA) || inodeHas(inode, INODE_FLAG.EXTENTS)) return false;
  const attributes = inode.attributeBlock === 0 ? 0 : volume.superblock.clusterSize;
  return inode.size < inode.blockArea.length && inode.allocated <= attributes;
}

function readContent(volume: Volume, inode: Inode, signal?: AbortSignal): Promise<Uint8Array> {
  return openContent(volume, inode).read(0, inode.size, signal);
}
