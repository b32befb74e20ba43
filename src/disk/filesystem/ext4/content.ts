import type { SparseSource } from "../../../source/byte-source.ts";
import { MemorySource } from "../../../source/memory-source.ts";
import type { FileMap } from "../file-map.ts";
import { MappedSource } from "../mapped-source.ts";
import { ExtentTree } from "./extent-tree.ts";
import { IndirectBlocks } from "./indirect-blocks.ts";
import { inlineContent } from "./inline-data.ts";
import { INODE_FLAG, type Inode, inodeHas } from "./inode.ts";
import type { Volume } from "./volume.ts";

/** The map of an inode whose content lies in blocks. */
export function fileMap(volume: Volume, inode: Inode): FileMap {
  const map = inodeHas(inode, INODE_FLAG.EXTENTS) ? new ExtentTree(volume, inode) : new IndirectBlocks(volume, inode);
  return volume.fastCommits?.editedMap(inode.number, map) ?? map;
}

/**
 * What an inode holds, wherever it keeps it, up to its size and no further: fs-verity's hash tree behind the
 * end is not content.
 */
export function openContent(volume: Volume, inode: Inode): SparseSource {
  if (inodeHas(inode, INODE_FLAG.INLINE_DATA)) return new InlineSource(inlineContent(inode));
  const name = `ext4 inode ${inode.number}`;
  return new MappedSource(volume.data, fileMap(volume, inode), inode.size, volume.superblock.blockSize, name);
}

/** Inline bytes, all of them data. */
class InlineSource extends MemorySource implements SparseSource {
  async *extents(from = 0) {
    if (from < this.size) yield { offset: from, length: this.size - from, kind: "data" as const };
  }
}
