import { UnsupportedFeatureError } from "../../../errors.ts";
import type { SparseSource } from "../../../source/byte-source.ts";
import { MemorySource } from "../../../source/memory-source.ts";
import { ATTRIBUTE } from "./attribute.ts";
import { openValue } from "./content.ts";
import { FILE_ATTRIBUTE } from "./file-name.ts";
import { attributeValue, type FileNode } from "./file-node.ts";
import { describeTag, isCloudTag, REPARSE_TAG } from "./reparse-tag.ts";
import type { FileKind } from "./special-file.ts";
import { standardInformation } from "./standard-information.ts";
import type { Volume } from "./volume.ts";
import { openWofContent } from "./wof-content.ts";

const NOT_ON_DISK = FILE_ATTRIBUTE.OFFLINE | FILE_ATTRIBUTE.RECALL_ON_OPEN | FILE_ATTRIBUTE.RECALL_ON_DATA_ACCESS;

/**
 * What a guest reads from the file, its unnamed stream.
 * @throws UnsupportedFeatureError when a reparse point keeps the bytes elsewhere or in a form not read
 */
export async function openFileContent(
  volume: Volume,
  file: FileNode,
  { reparsePoint }: FileKind,
): Promise<SparseSource> {
  if (reparsePoint?.tag === REPARSE_TAG.WOF) return openWofContent(volume, file, reparsePoint);
  const value = attributeValue(file, ATTRIBUTE.DATA);
  if (reparsePoint !== undefined) {
    const { tag } = reparsePoint;
    if (!isCloudTag(tag))
      throw new UnsupportedFeatureError("ntfs", [describeTag(tag)], "the content is kept elsewhere");
    const content = value === undefined ? undefined : openValue(volume, value, file.number);
    if (
      (standardInformation(file).attributes & NOT_ON_DISK) !== 0 ||
      content === undefined ||
      (await hasHole(content))
    ) {
      throw new UnsupportedFeatureError("ntfs", [describeTag(tag)], "the content is in the cloud, not on this disk");
    }
    return content;
  }
  return value === undefined ? new EmptySource() : openValue(volume, value, file.number);
}

async function hasHole(content: SparseSource): Promise<boolean> {
  for await (const { kind } of content.extents()) if (kind === "hole") return true;
  return false;
}

/** A file that has no $DATA at all. */
class EmptySource extends MemorySource implements SparseSource {
  constructor() {
    super(new Uint8Array(0));
  }

  async *extents() {}
}
