/** A block somebody keeps in the pool, in the list of all blocks by last use. */
export interface PooledBlock {
  readonly bytes: Uint8Array;
  readonly owner: Map<number, PooledBlock>;
  readonly index: number;
  older: PooledBlock;
  younger: PooledBlock;
}

/**
 * Memory that many caches share: whoever needs it has it, and together they never hold more than the budget,
 * however many disks are open. The block not used for longest makes room, whoever owns it. Every operation takes
 * constant time.
 */
export class BlockPool {
  readonly #budget: number;
  #weight = 0;
  /** Stands between the youngest and the oldest block of the ring. */
  readonly #ends: PooledBlock;

  /** @param budget bytes */
  constructor(budget: number) {
    this.#budget = budget;
    const ends = { bytes: new Uint8Array(), owner: new Map<number, PooledBlock>(), index: -1 } as PooledBlock;
    ends.older = ends;
    ends.younger = ends;
    this.#ends = ends;
  }

  /** Bytes held. */
  get weight(): number {
    return this.#weight;
  }

  /** Puts a block into its owner's map, from which it vanishes when it must make room. One over the budget is not kept. */
  add(owner: Map<number, PooledBlock>, index: number, bytes: Uint8Array): void {
    const before = owner.get(index);
    if (before !== undefined) this.#remove(before);
    if (bytes.length > this.#budget) return;
    const block: PooledBlock = { bytes, owner, index, older: this.#ends.older, younger: this.#ends };
    this.#link(block);
    owner.set(index, block);
    this.#weight += bytes.length;
    while (this.#weight > this.#budget) this.#remove(this.#ends.younger);
  }

  /** Says that a block was used. */
  touch(block: PooledBlock): void {
    if (block.younger === this.#ends) return;
    this.#unlink(block);
    this.#link(block);
  }

  /** Gives back everything an owner holds. */
  release(owner: Map<number, PooledBlock>): void {
    for (const block of owner.values()) this.#remove(block);
  }

  #link(block: PooledBlock): void {
    block.older = this.#ends.older;
    block.younger = this.#ends;
    this.#ends.older.younger = block;
    this.#ends.older = block;
  }

  #unlink({ older, younger }: PooledBlock): void {
    older.younger = younger;
    younger.older = older;
  }

  #remove(block: PooledBlock): void {
    this.#unlink(block);
    block.owner.delete(block.index);
    this.#weight -= block.bytes.length;
  }
}

/**
 * What all open disks of this process keep of their structures and small files: enough for the inode tables of a
 * hundred thousand files. Blocks that made room stay in memory until the next collection, about as many again, and a
 * server has 256 MiB for everything.
 */
export const sharedBlocks = new BlockPool(32 * 1024 * 1024);
