import type { ByteSource, Extent, SparseSource } from "../../source/byte-source.ts";
import { checkRange } from "../../source/check-range.ts";
import { ExtentJoiner } from "../../source/extents.ts";
import { RunListSource } from "../../source/run-list-source.ts";
import type { FileMap, MapWindow } from "./file-map.ts";

/** Windows kept: enough for several readers at different places of one file. */
const KEPT_WINDOWS = 8;

interface LoadedWindow extends MapWindow {
  readonly source: RunListSource;
}

/** The content of a file, its map loaded as reads reach it. Closing leaves the disk open. */
export class MappedSource implements SparseSource {
  readonly size: number;
  readonly #disk: ByteSource;
  readonly #map: FileMap;
  readonly #blockSize: number;
  readonly #name: string;
  /** Youngest first. */
  #windows: LoadedWindow[] = [];

  /** @param name says in error messages what this is: `inode 12` */
  constructor(disk: ByteSource, map: FileMap, size: number, blockSize: number, name: string) {
    this.#disk = disk;
    this.#map = map;
    this.size = size;
    this.#blockSize = blockSize;
    this.#name = name;
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    checkRange(offset, length, this.size, this.#name);
    const first = await this.#window(offset, signal);
    if (offset + length <= first.end * this.#blockSize) return first.source.read(offset, length, signal);
    const bytes = new Uint8Array(length);
    let position = offset;
    while (position < offset + length) {
      const window = await this.#window(position, signal);
      const end = Math.min(offset + length, window.end * this.#blockSize);
      bytes.set(await window.source.read(position, end - position, signal), position - offset);
      position = end;
    }
    return bytes;
  }

  /** A map in one window, as most files have, takes one wait. */
  async *extents(from = 0, signal?: AbortSignal): AsyncIterable<Extent> {
    const joiner = new ExtentJoiner();
    let position = from;
    while (position < this.size) {
      signal?.throwIfAborted();
      const window = await this.#window(position, signal);
      const end = Math.min(this.size, window.end * this.#blockSize);
      for (const stretch of window.source.stretches(position, end)) {
        const complete = joiner.push(stretch);
        if (complete !== undefined) yield complete;
      }
      position = end;
    }
    const last = joiner.last();
    if (last !== undefined) yield last;
  }

  async #window(offset: number, signal: AbortSignal | undefined): Promise<LoadedWindow> {
    const block = Math.floor(offset / this.#blockSize);
    const kept = this.#windows.find((window) => window.start <= block && block < window.end);
    if (kept !== undefined) return kept;
    const window = await this.#map.window(block, signal);
    const loaded = { ...window, source: this.#sourceOf(window) };
    this.#windows = [loaded, ...this.#windows.slice(0, KEPT_WINDOWS - 1)];
    return loaded;
  }

  #sourceOf(window: MapWindow): RunListSource {
    const runs = window.runs.map(({ logical, length, physical }) => ({
      fileOffset: logical * this.#blockSize,
      length: length * this.#blockSize,
      sourceOffset: physical * this.#blockSize,
    }));
    return new RunListSource(this.#disk, runs, this.size, this.#name);
  }

  async close(): Promise<void> {
    this.#windows = [];
  }
}
