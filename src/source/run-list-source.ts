import { CorruptDataError } from "../errors.ts";
import type { ByteSource, Extent, SparseSource } from "./byte-source.ts";
import { checkRange } from "./check-range.ts";
import { joinExtents } from "./extents.ts";
import { inParallel } from "./in-parallel.ts";

/** Where a stretch of a file lies. All figures are bytes. */
export interface Run {
  readonly fileOffset: number;
  readonly length: number;
  /** In the source below; absent for what reads as zeros: a hole, or allocated but never written. */
  readonly sourceOffset?: number;
}

/** Reads of one call that run at the same time. */
const PARALLEL_READS = 4;

/**
 * A file made of runs of another source. What no run covers is a hole. Runs that are neighbours in both are
 * read at once. Closing it leaves the other source open.
 */
export class RunListSource implements SparseSource {
  readonly size: number;
  readonly #source: ByteSource;
  readonly #runs: readonly Run[];
  readonly #name: string;

  /**
   * @param runs ascending by `fileOffset`, not overlapping; the last may reach past `size`
   * @param name says in error messages what this is: `inode 12`
   * @throws CorruptDataError when the runs overlap or are out of order
   */
  constructor(source: ByteSource, runs: readonly Run[], size: number, name = "run list") {
    this.#source = source;
    this.size = size;
    this.#name = name;
    this.#runs = joinNeighbours(runs, name);
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    checkRange(offset, length, this.size, this.#name);
    const pieces = this.#pieces(offset, offset + length).filter((piece) => piece.sourceOffset !== undefined);
    const [only] = pieces;
    if (pieces.length === 1 && only?.sourceOffset !== undefined && only.length === length) {
      return this.#source.read(only.sourceOffset, length, signal);
    }
    const bytes = new Uint8Array(length);
    const fetch = async ({ fileOffset, length: size, sourceOffset = 0 }: Run) =>
      bytes.set(await this.#source.read(sourceOffset, size, signal), fileOffset - offset);
    await inParallel(pieces, PARALLEL_READS, fetch);
    return bytes;
  }

  async *extents(from = 0, signal?: AbortSignal): AsyncIterable<Extent> {
    for (const extent of joinExtents(this.stretches(from, this.size))) {
      signal?.throwIfAborted();
      yield extent;
    }
  }

  /** What [from, end) is made of, without waiting; neighbours may be of one kind, and some may be empty. */
  *stretches(from: number, end: number): Iterable<Extent> {
    let position = from;
    for (let index = this.#firstEndingAfter(from); index < this.#runs.length; index++) {
      const run = this.#runs[index];
      if (run === undefined || run.fileOffset >= end) break;
      const start = Math.max(run.fileOffset, from);
      const stop = Math.min(run.fileOffset + run.length, end);
      yield { offset: position, length: start - position, kind: "hole" };
      yield { offset: start, length: stop - start, kind: run.sourceOffset === undefined ? "hole" : "data" };
      position = stop;
    }
    yield { offset: position, length: Math.max(0, end - position), kind: "hole" };
  }

  /** The parts of the runs that lie in [start, end), in order. */
  #pieces(start: number, end: number): Run[] {
    const pieces: Run[] = [];
    for (let index = this.#firstEndingAfter(start); index < this.#runs.length; index++) {
      const run = this.#runs[index];
      if (run === undefined || run.fileOffset >= end) break;
      const from = Math.max(start, run.fileOffset);
      const length = Math.min(end, run.fileOffset + run.length) - from;
      if (run.sourceOffset === undefined) pieces.push({ fileOffset: from, length });
      else pieces.push({ fileOffset: from, length, sourceOffset: run.sourceOffset + (from - run.fileOffset) });
    }
    return pieces;
  }

  /** Index of the first run whose end lies behind `offset`; the number of runs when there is none. */
  #firstEndingAfter(offset: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const run = this.#runs[middle];
      if (run !== undefined && run.fileOffset + run.length <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  async close(): Promise<void> {}
}

function joinNeighbours(runs: readonly Run[], name: string): Run[] {
  const joined: Run[] = [];
  let end = 0;
  for (const run of runs) {
    if (run.length <= 0 || run.fileOffset < end) {
      throw new CorruptDataError(
        { format: "run list", structure: name },
        `run at ${run.fileOffset} overlaps or is empty`,
      );
    }
    const last = joined.at(-1);
    if (last !== undefined && last.fileOffset + last.length === run.fileOffset && continues(last, run)) {
      joined[joined.length - 1] = { ...last, length: last.length + run.length };
    } else joined.push(run);
    end = run.fileOffset + run.length;
  }
  return joined;
}

function continues(last: Run, run: Run): boolean {
  if (last.sourceOffset === undefined) return run.sourceOffset === undefined;
  return last.sourceOffset + last.length === run.sourceOffset;
}
