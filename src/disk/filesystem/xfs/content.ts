import { UnsupportedFeatureError } from "../../../errors.ts";
import type { SparseSource } from "../../../source/byte-source.ts";
import { MappedSource } from "../mapped-source.ts";
import { forkMap } from "./fork-map.ts";
import { type Inode, isRealtime } from "./inode.ts";
import type { Volume } from "./volume.ts";

/** @throws UnsupportedFeatureError when the content lies on another device, CorruptDataError */
export function openContent(volume: Volume, inode: Inode): SparseSource {
  if (isRealtime(inode) && inode.data.extents > 0) {
    throw new UnsupportedFeatureError("xfs", ["realtime file"], "its content lies on the realtime device");
  }
  const name = `xfs inode ${inode.number}`;
  return new MappedSource(
    volume.data,
    forkMap(volume, inode, inode.data),
    inode.size,
    volume.superblock.blockSize,
    name,
  );
}
