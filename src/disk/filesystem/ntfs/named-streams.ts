/** Alternate data streams: named $DATA attributes, of files and of directories. */

import { displayName } from "../../../bytes/byte-name.ts";
import { PathError } from "../../../errors.ts";
import type { SparseSource } from "../../../source/byte-source.ts";
import type { NamedStream } from "../file-system.ts";
import { ATTRIBUTE } from "./attribute.ts";
import { openValue } from "./content.ts";
import { attributeValue, type FileNode } from "./file-node.ts";
import { nameFromUtf16, utf16FromName } from "./utf16-name.ts";
import { allocatedOf, sizeOf } from "./value.ts";
import type { Volume } from "./volume.ts";

/** Holds a WOF file's packed content: part of how the file is stored, hidden by Windows too. */
export const WOF_STREAM = "WofCompressedData";

/** @throws CorruptDataError */
export function namedStreams(file: FileNode): NamedStream[] {
  const data = file.attributes.filter(
    ({ type, name }) => type === ATTRIBUTE.DATA && name !== "" && name !== WOF_STREAM,
  );
  return [...new Set(data.map(({ name }) => name))].flatMap((name) => {
    const value = attributeValue(file, ATTRIBUTE.DATA, name);
    if (value === undefined) return [];
    return [{ name: nameFromUtf16(name), size: sizeOf(value), allocated: allocatedOf(value) }];
  });
}

/** @throws PathError when the file has no stream of exactly that name, and as `openValue` does */
export function openNamedStream(volume: Volume, file: FileNode, name: Uint8Array): SparseSource {
  const stream = utf16FromName(name);
  const value = stream === undefined || stream === "" ? undefined : attributeValue(file, ATTRIBUTE.DATA, stream);
  if (value === undefined) throw new PathError("not-found", `MFT record ${file.number}:${displayName(name)}`);
  return openValue(volume, value, file.number);
}
