import type { FileHandle } from "node:fs/promises";
import type { ByteSource } from "../source/byte-source.ts";
import { extentsOf } from "../source/extents.ts";
import { readChunks } from "../source/read-chunks.ts";
import type { Progress } from "./progress.ts";

/** Fills an empty file with a source's bytes; what the source knows to be a hole stays one. */
export async function copySparsely(source: ByteSource, file: FileHandle, progress: Progress): Promise<void> {
  for await (const { offset, length, kind } of extentsOf(source)) {
    if (kind === "hole") {
      progress.add(length);
      continue;
    }
    let position = offset;
    for await (const chunk of readChunks(source, offset, offset + length)) {
      await file.write(chunk, 0, chunk.length, position);
      position += chunk.length;
      progress.add(chunk.length);
    }
  }
  await file.truncate(source.size);
}
