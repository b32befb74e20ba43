import type { NodeId } from "../../../../src/disk/filesystem/file-system.ts";
import type { Extent, SparseSource } from "../../../../src/source/byte-source.ts";
import { MemoryFileSystem } from "../../../setup/memory-file-system.ts";

/** A file system some of whose files behave badly while they are read. */
export class FaultyFileSystem extends MemoryFileSystem {
  readonly #sources = new Map<NodeId, SparseSource>();

  /** A file whose bytes come from `source`, however large that says it is. */
  badFile(parent: NodeId, name: string, source: SparseSource): NodeId {
    const node = this.file(parent, name, "", { size: source.size });
    this.#sources.set(node, source);
    return node;
  }

  override async openFile(node: NodeId): Promise<SparseSource> {
    return this.#sources.get(node) ?? super.openFile(node);
  }
}

/** Endless-looking bytes, made while they are read, that fail from `failsAt` on; counts what is read. */
export class GeneratedSource implements SparseSource {
  readonly size: number;
  readonly #failsAt: number;
  readonly #failure: Error;
  bytesRead = 0;
  closed = 0;

  constructor(size: number, failsAt = Number.POSITIVE_INFINITY, failure = new Error("not reached")) {
    this.size = size;
    this.#failsAt = failsAt;
    this.#failure = failure;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    if (offset + length > this.#failsAt) throw this.#failure;
    this.bytesRead += length;
    return generatedBytes(offset, length);
  }

  async *extents(from = 0): AsyncIterable<Extent> {
    yield { offset: from, length: this.size - from, kind: "data" };
  }

  async close(): Promise<void> {
    this.closed++;
  }
}

/** A prime length, so that no two blocks of a file are alike. */
const PATTERN = Buffer.from(Array.from({ length: 65_521 }, (_, index) => (index * 2_654_435_761) >>> 24));

/** What a GeneratedSource holds there. */
export function generatedBytes(offset: number, length: number): Uint8Array {
  const start = offset % PATTERN.length;
  return Buffer.alloc(start + length, PATTERN).subarray(start);
}
