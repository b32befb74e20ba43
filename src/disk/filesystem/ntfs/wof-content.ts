import { UnsupportedFeatureError } from "../../../errors.ts";
import type { SparseSource } from "../../../source/byte-source.ts";
import type { FileNode } from "./file-node.ts";
import type { ReparsePoint } from "./reparse-point.ts";
import { describeTag } from "./reparse-tag.ts";
import type { Volume } from "./volume.ts";

export async function openWofContent(
  _volume: Volume,
  _file: FileNode,
  reparsePoint: ReparsePoint,
  _signal?: AbortSignal,
): Promise<SparseSource> {
  throw new UnsupportedFeatureError("ntfs", [describeTag(reparsePoint.tag)]);
}
