/** Choices that a seed decides, all of them the same in every run (splitmix32). */
export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  uint32(): number {
    this.#state = (this.#state + 0x9e37_79b9) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0_aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a_2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  }

  /** From 0 to one less than `limit`. */
  below(limit: number): number {
    return this.uint32() % limit;
  }

  /** True in so many of a hundred cases. */
  percent(share: number): boolean {
    return this.below(100) < share;
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error("there is nothing to choose from");
    return item;
  }

  /** Up to `most` of what `make` makes. */
  several<Item>(most: number, make: () => Item): Item[] {
    return Array.from({ length: this.below(most + 1) }, make);
  }

  bytes(most: number): Buffer {
    return Buffer.from(this.several(most, () => this.below(256)));
  }

  /** 32 bits, mostly where something begins or ends. */
  boundary(): number {
    const edge = this.pick([0, 1, 4, 255, 256, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0x4_0000, 0x7fff_ffff, 0x8000_0000]);
    return this.percent(20) ? this.uint32() : (edge + this.pick([-1, 0, 0, 0, 1]) + 0x1_0000_0000) % 0x1_0000_0000;
  }
}
