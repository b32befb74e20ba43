import { CorruptDataError } from "../../../errors.ts";
import type { BlockRun, FileMap, MapWindow } from "../file-map.ts";
import { type AllocationTable, ENTRIES_PER_PAGE, FIRST_CLUSTER, LINK } from "./allocation-table.ts";

/** Runs of a window: what one look into a fragmented file's map costs at most. */
const RUNS_PER_WINDOW = 4096;

interface Checkpoint {
  /** Clusters from the start of the chain. */
  readonly logical: number;
  readonly cluster: number;
}

/** Reads links one after the other, a page of the table at a time. */
class LinkReader {
  readonly #table: AllocationTable;
  readonly #signal: AbortSignal | undefined;
  #index = -1;
  #page: Uint32Array = new Uint32Array(0);

  constructor(table: AllocationTable, signal: AbortSignal | undefined) {
    this.#table = table;
    this.#signal = signal;
  }

  /** What follows a cluster, without awaiting where its page is the last one read. */
  next(cluster: number): number | Promise<number> {
    const index = Math.floor(cluster / ENTRIES_PER_PAGE);
    return index === this.#index ? this.#entry(cluster) : this.#load(index, cluster);
  }

  async #load(index: number, cluster: number): Promise<number> {
    this.#signal?.throwIfAborted();
    this.#page = await this.#table.page(index, this.#signal);
    this.#index = index;
    return this.#entry(cluster);
  }

  #entry(cluster: number): number {
    return this.#page[cluster % ENTRIES_PER_PAGE] ?? LINK.FREE;
  }
}

/**
 * The clusters of one file or directory. All of it is followed once, to know that it ends; what is kept is a
 * checkpoint for every few thousand runs, so that memory does not grow with the file. Physical blocks of its windows
 * count from cluster 2.
 */
export class ClusterChain implements FileMap {
  /** Number of the cluster it begins with. */
  readonly first: number;
  /** Clusters, none of them twice. */
  readonly length: number;
  /** Why the chain does not end there as it should. */
  readonly damage: CorruptDataError | undefined;
  readonly #table: AllocationTable;
  readonly #checkpoints: readonly Checkpoint[];

  private constructor(
    table: AllocationTable,
    first: number,
    checkpoints: readonly Checkpoint[],
    length: number,
    damage: CorruptDataError | undefined,
  ) {
    this.first = first;
    this.#table = table;
    this.#checkpoints = checkpoints;
    this.length = length;
    this.damage = damage;
  }

  /**
   * Damage of the chain is in the result, because what lies in front of it is still good.
   * @param structure for messages: `directory entry at byte 17408`
   */
  static async follow(
    table: AllocationTable,
    first: number,
    structure: string,
    signal?: AbortSignal,
  ): Promise<ClusterChain> {
    const damage = (problem: string) => new CorruptDataError({ format: table.layout.format, structure }, problem);
    if (!table.isCluster(first)) {
      const problem = damage(`begins at cluster ${first} of ${table.layout.clusterCount}`);
      return new ClusterChain(table, first, [], 0, problem);
    }
    const crossings = await table.crossings(signal);
    const links = new LinkReader(table, signal);
    const checkpoints: Checkpoint[] = [{ logical: 0, cluster: first }];
    let crossing: { length: number; damage: CorruptDataError } | undefined;
    // Neither this nor what is shared is the end of it yet: what looks like another chain may be this one, in a loop.
    if (crossings.isFollowing(first))
      crossing = { length: 0, damage: damage(`begins at cluster ${first}, which is not the first of its chain`) };
    const ending = (length: number, problem?: CorruptDataError) =>
      new ClusterChain(table, first, checkpoints, crossing?.length ?? length, crossing?.damage ?? problem);
    let runs = 0;
    let cluster = first;
    // Brent's cycle detection: `mark` stays behind for ever longer stretches; a loop runs into it.
    let mark = first;
    let markedAt = 0;
    let stretch = 1;
    for (let length = 1; ; length++) {
      const pending = links.next(cluster);
      const next = typeof pending === "number" ? pending : await pending;
      if (next === LINK.END) return ending(length);
      // A free cluster is no part of the chain that leads to it: there is nothing of the file in it.
      if (next === LINK.FREE) return ending(length - 1, damage(`cluster ${cluster} is marked free`));
      if (!table.isCluster(next)) return ending(length, damage(`cluster ${cluster} ${describeLink(next)}`));
      if (next === mark) {
        const distinct = await lengthBeforeLoop(links, first, length - markedAt);
        return new ClusterChain(table, first, checkpoints, distinct, damage("its chain of clusters is a loop"));
      }
      if (crossings.isShared(next))
        crossing ??= {
          length,
          damage: damage(`cluster ${cluster} is followed by cluster ${next}, as another one is too`),
        };
      if (next !== cluster + 1 && ++runs % RUNS_PER_WINDOW === 0) checkpoints.push({ logical: length, cluster: next });
      if (length - markedAt === stretch) {
        mark = next;
        markedAt = length;
        stretch *= 2;
      }
      cluster = next;
    }
  }

  async window(logical: number, signal?: AbortSignal): Promise<MapWindow> {
    const index = this.#checkpoints.findLastIndex((checkpoint) => checkpoint.logical <= logical);
    const { logical: start, cluster } = this.#checkpoints[index] ?? { logical: 0, cluster: FIRST_CLUSTER };
    const end = Math.min(this.#checkpoints[index + 1]?.logical ?? this.length, this.length);
    const links = new LinkReader(this.#table, signal);
    const runs: BlockRun[] = [];
    for (let position = start, first = cluster; position < end; ) {
      let length = 1;
      let next = LINK.END as number;
      for (; position + length <= end; length++) {
        const pending = links.next(first + length - 1);
        next = typeof pending === "number" ? pending : await pending;
        if (next !== first + length) break;
      }
      length = Math.min(length, end - position);
      runs.push({ logical: position, length, physical: first - FIRST_CLUSTER });
      position += length;
      first = next;
    }
    return { start, end: end === this.length ? Number.POSITIVE_INFINITY : end, runs };
  }
}

/** Clusters of a chain until it repeats itself, its loop being `loop` long. */
async function lengthBeforeLoop(links: LinkReader, first: number, loop: number): Promise<number> {
  let ahead = first;
  for (let step = 0; step < loop; step++) ahead = await links.next(ahead);
  let length = loop;
  for (let behind = first; behind !== ahead; length++) {
    behind = await links.next(behind);
    ahead = await links.next(ahead);
  }
  return length;
}

function describeLink(link: number): string {
  if (link === LINK.BAD) return "is marked bad";
  return `is followed by cluster ${link}, which does not exist`;
}
