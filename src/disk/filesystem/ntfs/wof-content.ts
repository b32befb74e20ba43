/**
 * Files that Windows packed one by one ("compact", CompactOS): the unnamed stream is a hole of the file's
 * size, and a named one holds chunks that are packed for themselves, behind a table of their offsets
 * ([MS-FSCC] has the tag alone; ebiggers/ntfs-3g-system-compression documents the rest).
 */
import { CorruptDataError, UnsupportedFeatureError } from "../../../errors.ts";
import type { SparseSource } from "../../../source/byte-source.ts";
import { ATTRIBUTE } from "./attribute.ts";
import { openValue } from "./content.ts";
import { attributeValue, type FileNode } from "./file-node.ts";
import { recordPlace } from "./file-record.ts";
import { WOF_STREAM } from "./named-streams.ts";
import type { ReparsePoint } from "./reparse-point.ts";
import { sizeOf } from "./value.ts";
import type { Volume } from "./volume.ts";
import { WOF_FORMATS, WofSource } from "./wof-source.ts";

const PROVIDER = { WIM: 1, FILE: 2 };

/** @throws UnsupportedFeatureError for files kept in a Windows image, and packings not known; CorruptDataError */
export function openWofContent(volume: Volume, file: FileNode, { data }: ReparsePoint): SparseSource {
  const provider = data.u32le(4);
  if (provider === PROVIDER.WIM) {
    throw new UnsupportedFeatureError("ntfs", ["WIMBoot file (WOF)"], "the content is in a Windows image");
  }
  if (provider !== PROVIDER.FILE) throw new UnsupportedFeatureError("ntfs", [`WOF provider ${provider}`]);
  const packing = data.u32le(12);
  const format = WOF_FORMATS[packing];
  if (format === undefined) throw new UnsupportedFeatureError("ntfs", [`WOF packing ${packing}`]);
  const content = attributeValue(file, ATTRIBUTE.DATA);
  const packed = attributeValue(file, ATTRIBUTE.DATA, WOF_STREAM);
  if (content === undefined || packed === undefined) {
    throw new CorruptDataError(recordPlace(file.number), `packed by WOF, but has no ${WOF_STREAM}`);
  }
  return new WofSource(
    openValue(volume, packed, file.number),
    sizeOf(content),
    format,
    `ntfs MFT record ${file.number}`,
  );
}
