import type { ByteSource, Extent } from "./byte-source.ts";

/** The extents of any source: one that cannot tell its holes is all data. */
export async function* extentsOf(source: ByteSource, from = 0, signal?: AbortSignal): AsyncIterable<Extent> {
  if (source.extents !== undefined) yield* source.extents(from, signal);
  else if (from < source.size) yield { offset: from, length: source.size - from, kind: "data" };
}

/** Joins neighbours of the same kind, so that consumers see few, long extents; drops empty ones. */
export async function* mergeExtents(extents: AsyncIterable<Extent>): AsyncIterable<Extent> {
  let pending: Extent | undefined;
  for await (const extent of extents) {
    if (extent.length === 0) continue;
    if (pending?.kind === extent.kind) {
      pending = { ...pending, length: pending.length + extent.length };
      continue;
    }
    if (pending !== undefined) yield pending;
    pending = extent;
  }
  if (pending !== undefined) yield pending;
}
