/** A thin pool: which chunks of its data volume hold which chunks of its thin volumes. */
import type { Limits } from "../../../../bytes/limits.ts";
import { CorruptDataError } from "../../../../errors.ts";
import type { ByteSource, SparseSource } from "../../../../source/byte-source.ts";
import type { BlockRun, FileMap, MapWindow } from "../../../filesystem/file-map.ts";
import { MappedSource } from "../../../filesystem/mapped-source.ts";
import { BtreeReader, type LeafRange } from "./btree.ts";
import { readThinSuperblock, type ThinSuperblock } from "./superblock.ts";

/** In a mapping's value: the time of the last snapshot before it was made. */
const TIME_BITS = 24n;

export class ThinPool {
  readonly #trees: BtreeReader;
  readonly #superblock: ThinSuperblock;
  readonly #data: ByteSource;

  private constructor(trees: BtreeReader, superblock: ThinSuperblock, data: ByteSource) {
    this.#trees = trees;
    this.#superblock = superblock;
    this.#data = data;
  }

  /**
   * @param chunkSize bytes, as LVM's own metadata says
   * @throws CorruptDataError, UnsupportedFeatureError, SourceError
   */
  static async open(
    metadata: ByteSource,
    data: ByteSource,
    chunkSize: number,
    limits: Pick<Limits, "treeDepth">,
    signal?: AbortSignal,
  ): Promise<ThinPool> {
    const superblock = await readThinSuperblock(metadata, signal);
    if (superblock.dataBlockSize !== chunkSize) {
      const problem = `has chunks of ${superblock.dataBlockSize} bytes where the volume group says ${chunkSize}`;
      throw new CorruptDataError({ format: "dm-thin", structure: "superblock" }, problem);
    }
    return new ThinPool(new BtreeReader(metadata, limits), superblock, data);
  }

  /**
   * A thin volume. Its map is read as reads reach it; chunks that were never written are holes.
   * @throws CorruptDataError when the pool does not know the device
   */
  async openVolume(deviceId: number, size: number, signal?: AbortSignal): Promise<SparseSource> {
    const root = await this.#trees.lookup(this.#superblock.mappingRoot, deviceId, signal);
    if (root === undefined) {
      throw new CorruptDataError(
        { format: "dm-thin", structure: `device ${deviceId}` },
        "is not in the pool's metadata",
      );
    }
    const { dataBlockSize } = this.#superblock;
    const chunks = Math.floor(this.#data.size / dataBlockSize);
    const map = new ThinMap(this.#trees, Number(root), chunks, deviceId);
    return new MappedSource(this.#data, map, size, dataBlockSize, `thin device ${deviceId}`);
  }
}

class ThinMap implements FileMap {
  readonly #trees: BtreeReader;
  readonly #root: number;
  readonly #dataChunks: number;
  readonly #deviceId: number;

  constructor(trees: BtreeReader, root: number, dataChunks: number, deviceId: number) {
    this.#trees = trees;
    this.#root = root;
    this.#dataChunks = dataChunks;
    this.#deviceId = deviceId;
  }

  async window(logical: number, signal?: AbortSignal): Promise<MapWindow> {
    const range = await this.#trees.leafOf(this.#root, logical, signal);
    return { start: range.from, end: range.to, runs: this.#runs(range) };
  }

  #runs({ leaf, from, to }: LeafRange): BlockRun[] {
    const runs: { logical: number; length: number; physical: number }[] = [];
    for (let index = 0; index < leaf.count; index++) {
      const logical = leaf.key(index);
      const physical = Number(leaf.value(index) >> TIME_BITS);
      if (logical < from || logical >= to || physical >= this.#dataChunks) {
        const place = { format: "dm-thin", structure: `mapping of device ${this.#deviceId}` };
        throw new CorruptDataError(place, `chunk ${logical} lies outside its node or the pool`);
      }
      const last = runs.at(-1);
      if (last !== undefined && last.logical + last.length === logical && last.physical + last.length === physical)
        last.length++;
      else runs.push({ logical, length: 1, physical });
    }
    return runs;
  }
}
