import type { ByteSource, Extent } from "./byte-source.ts";

/** The extents of any source: one that cannot tell its holes is all data. */
export async function* extentsOf(source: ByteSource, from = 0, signal?: AbortSignal): AsyncIterable<Extent> {
  if (source.extents !== undefined) yield* source.extents(from, signal);
  else if (from < source.size) yield { offset: from, length: source.size - from, kind: "data" };
}

/** Makes long extents of short ones. */
export class ExtentJoiner {
  #pending: Extent | undefined;

  /** Takes the next extent; gives the one before it when that is complete. */
  push(extent: Extent): Extent | undefined {
    if (extent.length === 0) return undefined;
    const pending = this.#pending;
    if (pending?.kind === extent.kind) {
      this.#pending = { ...pending, length: pending.length + extent.length };
      return undefined;
    }
    this.#pending = extent;
    return pending;
  }

  last(): Extent | undefined {
    return this.#pending;
  }
}

/** Joins neighbours of the same kind, so that consumers see few, long extents; drops empty ones. */
export async function* mergeExtents(extents: AsyncIterable<Extent>): AsyncIterable<Extent> {
  const joiner = new ExtentJoiner();
  for await (const extent of extents) {
    const complete = joiner.push(extent);
    if (complete !== undefined) yield complete;
  }
  const last = joiner.last();
  if (last !== undefined) yield last;
}

/** The same for extents that are at hand. */
export function* joinExtents(extents: Iterable<Extent>): Iterable<Extent> {
  const joiner = new ExtentJoiner();
  for (const extent of extents) {
    const complete = joiner.push(extent);
    if (complete !== undefined) yield complete;
  }
  const last = joiner.last();
  if (last !== undefined) yield last;
}
