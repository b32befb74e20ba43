/** The device mapper's B+ trees from 64-bit keys to 64-bit values (kernel `drivers/md/persistent-data/dm-btree-internal.h`). Little-endian. */
import type { Cursor } from "../../../../bytes/cursor.ts";
import type { Limits } from "../../../../bytes/limits.ts";
import { LruCache } from "../../../../bytes/lru-cache.ts";
import { LimitError } from "../../../../errors.ts";
import type { ByteSource } from "../../../../source/byte-source.ts";
import { METADATA_BLOCK, readMetadataBlock } from "./metadata-block.ts";

const KIND = { name: "btree node", salt: 121_107 } as const;
const FIELD = { flags: 4, entries: 16, maxEntries: 20, valueSize: 24, keys: 32 } as const;
const INTERNAL = 1;
const LEAF = 2;
const WORD = 8;
const KEPT_NODES = 256;

/** A validated node; keys ascend. */
export interface BtreeNode {
  readonly count: number;
  key(index: number): number;
  value(index: number): bigint;
}

/** The leaf that has or would have a key, and the keys it is responsible for: [from, to). */
export interface LeafRange {
  readonly leaf: BtreeNode;
  readonly from: number;
  /** Infinity behind the last leaf. */
  readonly to: number;
}

/** Reads trees of one metadata volume; nodes are kept, as all trees share their upper ones. */
export class BtreeReader {
  readonly #source: ByteSource;
  readonly #limits: Pick<Limits, "treeDepth">;
  readonly #nodes = new LruCache<number, BtreeNode & { readonly isLeaf: boolean }>(KEPT_NODES);

  constructor(source: ByteSource, limits: Pick<Limits, "treeDepth">) {
    this.#source = source;
    this.#limits = limits;
  }

  /** @throws CorruptDataError, LimitError (treeDepth), SourceError */
  async leafOf(root: number, key: number, signal?: AbortSignal): Promise<LeafRange> {
    let block = root;
    let from = 0;
    let to = Number.POSITIVE_INFINITY;
    for (let depth = 0; depth < this.#limits.treeDepth; depth++) {
      const node = await this.#node(block, signal);
      if (node.isLeaf) return { leaf: node, from, to };
      // What lies before an inner node's first key belongs to its first child.
      const child = Math.max(0, lastNotAbove(node, key));
      if (child > 0) from = Math.max(from, node.key(child));
      if (child + 1 < node.count) to = Math.min(to, node.key(child + 1));
      block = Number(node.value(child));
    }
    throw new LimitError("treeDepth", this.#limits.treeDepth, "dm-thin: mapping tree");
  }

  /** The value of a key, if the tree has it. */
  async lookup(root: number, key: number, signal?: AbortSignal): Promise<bigint | undefined> {
    const { leaf } = await this.leafOf(root, key, signal);
    const index = lastNotAbove(leaf, key);
    return index >= 0 && leaf.key(index) === key ? leaf.value(index) : undefined;
  }

  async #node(block: number, signal?: AbortSignal): Promise<BtreeNode & { readonly isLeaf: boolean }> {
    const kept = this.#nodes.get(block);
    if (kept !== undefined) return kept;
    const node = parseNode(await readMetadataBlock(this.#source, block, KIND, signal));
    this.#nodes.set(block, node);
    return node;
  }
}

function parseNode(cursor: Cursor): BtreeNode & { readonly isLeaf: boolean } {
  const flags = cursor.u32le(FIELD.flags);
  const count = cursor.u32le(FIELD.entries);
  const maximum = cursor.u32le(FIELD.maxEntries);
  if (flags !== INTERNAL && flags !== LEAF) throw cursor.corrupt("is neither a leaf nor an inner node");
  if (cursor.u32le(FIELD.valueSize) !== WORD) throw cursor.corrupt("has values of another size");
  if (count > maximum || FIELD.keys + maximum * 2 * WORD > METADATA_BLOCK)
    throw cursor.corrupt("has more entries than it holds");
  const isLeaf = flags === LEAF;
  if (!isLeaf && count === 0) throw cursor.corrupt("is an inner node without children");
  const key = (index: number) => cursor.u64le(FIELD.keys + index * WORD);
  for (let index = 1; index < count; index++)
    if (key(index) <= key(index - 1)) throw cursor.corrupt("has keys out of order");
  return { isLeaf, count, key, value: (index) => cursor.u64leBig(FIELD.keys + (maximum + index) * WORD) };
}

/** Index of the last key not above `wanted`; -1 when all are. */
export function lastNotAbove(node: BtreeNode, wanted: number): number {
  let low = 0;
  let high = node.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (node.key(middle) <= wanted) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
