import type { TreeNode } from "../../../restore-tree/tree-node.ts";
import type { SparseSource } from "../../../source/byte-source.ts";
import { MAX_READ_LENGTH } from "./protocol.ts";
import { ReadAhead, type ReadAheadBudget } from "./read-ahead.ts";

/** A file opened by SSH_FXP_OPEN. */
export class FileHandle {
  readonly kind = "file";
  readonly node: TreeNode;
  readonly #source: SparseSource;
  readonly #reader: ReadAhead;
  readonly #reads = new Set<Promise<unknown>>();
  #bytesRead = 0;

  constructor(node: TreeNode, source: SparseSource, budget: ReadAheadBudget, signal: AbortSignal) {
    this.node = node;
    this.#source = source;
    this.#reader = new ReadAhead(source, budget, signal);
  }

  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** At most `length` bytes in pieces, fewer only at the end of the file; undefined behind it. */
  async read(offset: bigint, length: number): Promise<readonly Uint8Array[] | undefined> {
    if (offset >= BigInt(this.#source.size) || length === 0) return undefined;
    const start = Number(offset);
    const count = Math.min(length, MAX_READ_LENGTH, this.#source.size - start);
    const read = this.#reader.read(start, count);
    this.#reads.add(read);
    try {
      const pieces = await read;
      this.#bytesRead += count;
      return pieces;
    } finally {
      this.#reads.delete(read);
    }
  }

  /** Lets reads that are under way finish first: a client may close without waiting for their answers. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#reads]);
    this.#reader.close();
    await this.#source.close();
  }
}
