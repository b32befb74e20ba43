import type { ByteSource, Extent } from "../../source/byte-source.ts";
import { extentsOf } from "../../source/extents.ts";
import type { DiskImage, ImageInfo } from "../disk.ts";

/** A disk stored byte for byte. Closing it closes the source. */
export class RawImage implements DiskImage {
  readonly info: ImageInfo;
  readonly size: number;
  readonly #source: ByteSource;

  constructor(source: ByteSource) {
    this.#source = source;
    this.size = source.size;
    this.info = { format: "raw", virtualSize: source.size, features: [], snapshots: [], warnings: [] };
  }

  read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#source.read(offset, length, signal);
  }

  extents(from?: number, signal?: AbortSignal): AsyncIterable<Extent> {
    return extentsOf(this.#source, from, signal);
  }

  close(): Promise<void> {
    return this.#source.close();
  }
}
