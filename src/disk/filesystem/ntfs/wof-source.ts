import { Cursor } from "../../../bytes/cursor.ts";
import { LruCache } from "../../../bytes/lru-cache.ts";
import { decompressLzx } from "../../../codec/lzx.ts";
import { decompressXpressHuffman } from "../../../codec/xpress-huffman.ts";
import { CorruptDataError, type CorruptionPlace } from "../../../errors.ts";
import type { ByteSource, Extent, SparseSource } from "../../../source/byte-source.ts";
import { checkRange } from "../../../source/check-range.ts";

export interface WofFormat {
  readonly name: string;
  /** Bytes that one chunk unpacks to; the last one of a file to fewer. */
  readonly chunkSize: number;
  readonly decompress: (input: Uint8Array, outputLength: number, place: CorruptionPlace) => Uint8Array;
}

/** By the number in the reparse point. */
export const WOF_FORMATS: readonly WofFormat[] = [
  { name: "XPRESS 4K", chunkSize: 4096, decompress: decompressXpressHuffman },
  { name: "LZX 32K", chunkSize: 32_768, decompress: decompressLzx },
  { name: "XPRESS 8K", chunkSize: 8192, decompress: decompressXpressHuffman },
  { name: "XPRESS 16K", chunkSize: 16_384, decompress: decompressXpressHuffman },
];

/** Files of 4 GiB and more have wide offsets. */
const WIDE_OFFSETS = 2 ** 32;
/** Bytes of unpacked chunks kept, so that small reads in sequence unpack once. */
const KEPT = 512 * 1024;

/**
 * Chunks packed for themselves, behind a table of where each but the first begins, counted from the table's
 * end. A chunk that did not become smaller is stored as it is. Resources of Windows images have the same form.
 */
export class WofSource implements SparseSource {
  readonly size: number;
  readonly #packed: ByteSource;
  readonly #format: WofFormat;
  readonly #name: string;
  readonly #chunkCount: number;
  readonly #offsetBytes: number;
  readonly #chunks = new LruCache<number, Uint8Array>(KEPT);

  /**
   * @param size bytes unpacked
   * @param name says in error messages what this is
   */
  constructor(packed: ByteSource, size: number, format: WofFormat, name: string) {
    this.#packed = packed;
    this.size = size;
    this.#format = format;
    this.#name = name;
    this.#chunkCount = Math.ceil(size / format.chunkSize);
    this.#offsetBytes = size >= WIDE_OFFSETS ? 8 : 4;
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    checkRange(offset, length, this.size, this.#name);
    const { chunkSize } = this.#format;
    const bytes = new Uint8Array(length);
    for (let position = offset; position < offset + length; ) {
      const index = Math.floor(position / chunkSize);
      const chunk = await this.#chunk(index, signal);
      const start = position - index * chunkSize;
      const piece = chunk.subarray(start, start + offset + length - position);
      bytes.set(piece, position - offset);
      position += piece.length;
    }
    return bytes;
  }

  async #chunk(index: number, signal?: AbortSignal): Promise<Uint8Array> {
    const kept = this.#chunks.get(index);
    if (kept !== undefined) return kept;
    const { chunkSize, decompress } = this.#format;
    const unpackedLength = Math.min(chunkSize, this.size - index * chunkSize);
    const place = this.#place(index);
    const { start, length } = await this.#locate(index, place, signal);
    const packed = await this.#packed.read(start, length, signal);
    const chunk = length === unpackedLength ? packed : decompress(packed, unpackedLength, place);
    this.#chunks.set(index, chunk, chunk.length);
    return chunk;
  }

  /** @throws CorruptDataError when the chunk lies outside the stream or is larger than what it unpacks to */
  async #locate(
    index: number,
    place: CorruptionPlace,
    signal?: AbortSignal,
  ): Promise<{ start: number; length: number }> {
    const tableBytes = (this.#chunkCount - 1) * this.#offsetBytes;
    const first = Math.max(0, index - 1);
    const last = Math.min(index, this.#chunkCount - 2);
    if (tableBytes > this.#packed.size) throw new CorruptDataError(place, "the table of chunks is cut short");
    const table = new Cursor(
      await this.#packed.read(first * this.#offsetBytes, (last - first + 1) * this.#offsetBytes, signal),
      place,
    );
    const entry = (at: number) =>
      this.#offsetBytes === 8 ? table.u64le((at - first) * 8) : table.u32le((at - first) * 4);
    const start = tableBytes + (index === 0 ? 0 : entry(index - 1));
    const end = index === this.#chunkCount - 1 ? this.#packed.size : tableBytes + entry(index);
    if (start >= end || end > this.#packed.size || end - start > this.#format.chunkSize) {
      throw new CorruptDataError(place, `lies at ${start} to ${end} of ${this.#packed.size} bytes`);
    }
    return { start, length: end - start };
  }

  #place(index: number): CorruptionPlace {
    return { format: "ntfs", structure: `${this.#name}, ${this.#format.name} chunk ${index}` };
  }

  async *extents(from = 0): AsyncIterable<Extent> {
    if (from < this.size) yield { offset: from, length: this.size - from, kind: "data" };
  }

  async close(): Promise<void> {
    this.#chunks.clear();
  }
}
