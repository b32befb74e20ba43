import { CorruptDataError, type CorruptionPlace } from "../../../errors.ts";
import type { SparseSource } from "../../../source/byte-source.ts";
import { ATTRIBUTE } from "./attribute.ts";
import { openValue, readWhole } from "./content.ts";
import { attributeValue, type FileNode } from "./file-node.ts";
import { recordPlace } from "./file-record.ts";
import { type IndexEntry, type IndexNode, type IndexRoot, parseBlock, parseRoot } from "./index-block.ts";
import type { Volume } from "./volume.ts";

/** One bit a block: enough for a directory of 32 GiB. */
const LARGEST_BITMAP = 1024 * 1024;

/** An entry and the node that holds it. */
export interface FoundEntry {
  readonly node: IndexNode;
  readonly entry: IndexEntry;
}

/** One index of a file: `$I30` of a directory, `$SII` of $Secure. */
export class Index {
  readonly root: IndexRoot;
  readonly #volume: Volume;
  readonly #file: FileNode;
  readonly #name: string;
  /** Bytes that one VCN counts: a cluster, or 512 when blocks are smaller than clusters. */
  readonly #vcnUnit: number;
  readonly #blocks: SparseSource | undefined;

  /** @throws CorruptDataError when the file has no such index */
  constructor(volume: Volume, file: FileNode, name: string) {
    this.#volume = volume;
    this.#file = file;
    this.#name = name;
    const root = attributeValue(file, ATTRIBUTE.INDEX_ROOT, name);
    if (root?.kind !== "resident") throw new CorruptDataError(this.#place(), "has no root in its record");
    this.root = parseRoot(root.head.value, this.#place());
    const { clusterSize } = volume.geometry;
    this.#vcnUnit = clusterSize <= this.root.blockSize ? clusterSize : 512;
    const allocation = attributeValue(file, ATTRIBUTE.INDEX_ALLOCATION, name);
    // Index blocks are metadata: read through the cache.
    this.#blocks =
      allocation === undefined ? undefined : openValue({ ...volume, data: volume.metadata }, allocation, file.number);
  }

  get blockSize(): number {
    return this.root.blockSize;
  }

  get blockCount(): number {
    return Math.floor((this.#blocks?.size ?? 0) / this.root.blockSize);
  }

  /** @throws CorruptDataError also for a VCN at which no block starts */
  blockOf(vcn: number): number {
    const block = (vcn * this.#vcnUnit) / this.root.blockSize;
    if (!Number.isInteger(block) || block >= this.blockCount) {
      throw new CorruptDataError(this.#place(), `block ${vcn} lies outside the index`);
    }
    return block;
  }

  async readBlock(block: number, signal?: AbortSignal): Promise<IndexNode> {
    const place = this.#place(block);
    if (this.#blocks === undefined) throw new CorruptDataError(place, "there are no blocks");
    const bytes = await this.#blocks.read(block * this.root.blockSize, this.root.blockSize, signal);
    return parseBlock(bytes, (block * this.root.blockSize) / this.#vcnUnit, place);
  }

  /** Whether a block is in use. @throws CorruptDataError when the index has blocks and no bitmap */
  async bitmap(signal?: AbortSignal): Promise<(block: number) => boolean> {
    if (this.blockCount === 0) return () => false;
    const value = attributeValue(this.#file, ATTRIBUTE.BITMAP, this.#name);
    if (value === undefined) throw new CorruptDataError(this.#place(), "has blocks and no bitmap");
    const bits = await readWhole(this.#volume, value, this.#file.number, LARGEST_BITMAP, signal);
    return (block) => (((bits[block >>> 3] ?? 0) >>> (block & 7)) & 1) === 1;
  }

  /**
   * All entries equal to what is looked for, by way of the tree.
   * @param compare negative when what is looked for sorts before the entry
   * @throws CorruptDataError when a node on the way is damaged or the tree too deep
   */
  async find(compare: (found: FoundEntry) => number, signal?: AbortSignal): Promise<FoundEntry[]> {
    const matches: FoundEntry[] = [];
    const visited = new Set<number>();
    const visit = async (node: IndexNode, depth: number): Promise<void> => {
      if (depth > this.#volume.limits.treeDepth) throw new CorruptDataError(this.#place(), "the tree is too deep");
      const descend = async (vcn: number | undefined) => {
        if (vcn === undefined) return;
        if (visited.has(vcn)) throw new CorruptDataError(this.#place(), `the tree leads to block ${vcn} twice`);
        visited.add(vcn);
        await visit(await this.readBlock(this.blockOf(vcn), signal), depth + 1);
      };
      for (const entry of node.entries) {
        const order = compare({ node, entry });
        if (order > 0) continue;
        await descend(entry.childVcn);
        if (order < 0) return;
        matches.push({ node, entry });
      }
      await descend(node.lastChildVcn);
    };
    await visit(this.root.node, 0);
    return matches;
  }

  #place(block?: number): CorruptionPlace {
    const { format, structure } = recordPlace(this.#file.number);
    const where = block === undefined ? "" : `, block ${block}`;
    return { format, structure: `${structure}, index ${this.#name}${where}` };
  }
}
