import { Cursor } from "../../../bytes/cursor.ts";
import type { CachedSource } from "../../../source/cached-source.ts";
import type { FileMap } from "../file-map.ts";

/** Bytes read of a directory at once; also what one batch of entries comes from. */
const SLAB_SIZE = 64 * 1024;

/** Part of a directory that lies in one piece. All figures are bytes. */
export interface DirectoryStretch {
  /** From the start of the directory. */
  readonly offset: number;
  /** From the start of the volume. */
  readonly position: number;
  readonly length: number;
}

export interface ClusterGeometry {
  readonly clusterSize: number;
  /** Where cluster 2 begins. */
  readonly heapOffset: number;
}

/** Where `length` bytes of a directory lie, from a byte of it on. */
export async function* mappedStretches(
  map: FileMap,
  { clusterSize, heapOffset }: ClusterGeometry,
  length: number,
  from: number,
  signal?: AbortSignal,
): AsyncGenerator<DirectoryStretch, void, undefined> {
  let next = from;
  while (next < length) {
    const window = await map.window(Math.floor(next / clusterSize), signal);
    for (const run of window.runs) {
      const start = run.logical * clusterSize;
      const end = Math.min(start + run.length * clusterSize, length);
      if (end <= next) continue;
      const position = heapOffset + run.physical * clusterSize + (next - start);
      yield { offset: next, position, length: end - next };
      next = end;
    }
  }
}

export interface DirectorySlab extends DirectoryStretch {
  readonly cursor: Cursor;
}

/** Reads stretches in pieces that are neither too small nor too large. */
export async function* readSlabs(
  metadata: CachedSource,
  stretches: AsyncIterable<DirectoryStretch> | Iterable<DirectoryStretch>,
  format: string,
  signal?: AbortSignal,
): AsyncGenerator<DirectorySlab, void, undefined> {
  for await (const stretch of stretches) {
    for (let done = 0; done < stretch.length; done += SLAB_SIZE) {
      signal?.throwIfAborted();
      const length = Math.min(SLAB_SIZE, stretch.length - done);
      const position = stretch.position + done;
      const bytes = metadata.peek(position, length) ?? (await metadata.read(position, length, signal));
      const cursor = new Cursor(bytes, { format, structure: "directory", byteOffset: position });
      yield { offset: stretch.offset + done, position, length, cursor };
    }
  }
}
