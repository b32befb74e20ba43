/** Everything below a node, for archives, recursive listings and searches. */
import { displayName } from "../bytes/byte-name.ts";
import { defaultLimits } from "../bytes/limits.ts";
import { CorruptDataError, LimitError } from "../errors.ts";
import { isSingleName } from "./placed-node.ts";
import type { TreeChild, TreeNode, TreeStat } from "./tree-node.ts";

/** Stats asked for at the same time; hides the latency of a bucket. */
const STATS_AT_ONCE = 64;
/**
 * Children held at a time, of all directories that are being walked: about 25 megabytes. They are visited in the
 * order of the disk, not of the directory, since a large directory is sorted by hash, and its inodes and files
 * lie everywhere: in its own order each would be a read of its own.
 */
const CHILDREN_HELD = 65_536;

export interface WalkEntry {
  readonly node: TreeNode;
  readonly stat: TreeStat;
  /** From where the walk started: names with `/` between; empty for the start itself. */
  readonly path: Uint8Array;
  readonly depth: number;
}

export interface WalkOptions {
  /** What could not be read; `path` as in WalkEntry. The walk goes on with everything else. */
  onError(path: Uint8Array, error: unknown): void;
  readonly signal?: AbortSignal;
  /** Names below the start. */
  readonly pathDepth?: number;
}

/**
 * Depth first, a directory before what it holds; the start included. Memory grows with the depth
 * only. A directory inside itself is reported and not entered, nor is anything deeper than `pathDepth`.
 * @throws only what the signal aborts with.
 */
export async function* walk(start: TreeNode, options: WalkOptions): AsyncGenerator<WalkEntry, void, undefined> {
  const walker = new Walker(options);
  try {
    const first = await walker.begin(start);
    if (first === undefined) return;
    yield first;
    walker.enter(first);
    for (let level = walker.innermost; level !== undefined; level = walker.innermost) {
      const entry = level.take();
      if (entry === undefined) {
        if (!(await level.fill())) await walker.leave();
      } else if (walker.accepts(entry)) {
        yield entry;
        walker.enter(entry);
      }
    }
  } finally {
    await walker.stop();
  }
}

class Walker {
  readonly #options: WalkOptions;
  readonly #pathDepth: number;
  readonly #levels: Level[] = [];
  readonly #room: Room = { children: CHILDREN_HELD };
  readonly #ancestors = new Set<string>();

  constructor(options: WalkOptions) {
    this.#options = options;
    this.#pathDepth = options.pathDepth ?? defaultLimits.pathDepth;
  }

  get innermost(): Level | undefined {
    return this.#levels.at(-1);
  }

  async begin(node: TreeNode): Promise<WalkEntry | undefined> {
    const path = Uint8Array.of();
    try {
      return { node, stat: await node.stat(this.#options.signal), path, depth: 0 };
    } catch (error) {
      this.#options.signal?.throwIfAborted();
      this.#options.onError(path, error);
      return undefined;
    }
  }

  /** Reports and refuses a directory that would never end. */
  accepts({ stat, path, depth }: WalkEntry): boolean {
    if (stat.type !== "directory") return true;
    if (this.#ancestors.has(stat.identity)) {
      const place = { format: "directory tree", structure: displayName(path) };
      this.#options.onError(path, new CorruptDataError(place, "the directory contains itself"));
      return false;
    }
    if (depth > this.#pathDepth) {
      this.#options.onError(path, new LimitError("pathDepth", this.#pathDepth, "directories inside each other"));
      return false;
    }
    return true;
  }

  enter(entry: WalkEntry): void {
    if (entry.stat.type !== "directory") return;
    this.#levels.push(new Level(entry, this.#options, this.#room));
    this.#ancestors.add(entry.stat.identity);
  }

  async leave(): Promise<void> {
    const level = this.#levels.pop();
    if (level === undefined) return;
    this.#ancestors.delete(level.directory.stat.identity);
    await level.stop();
  }

  async stop(): Promise<void> {
    while (this.#levels.length > 0) await this.leave();
  }
}

/** How many more children may be held; below zero where directories inside each other hold a batch each. */
interface Room {
  children: number;
}

/** One directory being listed: the children at hand, and of those the entries whose stat is known. */
class Level {
  readonly directory: WalkEntry;
  readonly #options: WalkOptions;
  readonly #room: Room;
  readonly #batches: AsyncIterator<readonly TreeChild[]>;
  /** The next one last. */
  #children: TreeChild[] = [];
  #ready: WalkEntry[] = [];

  constructor(directory: WalkEntry, options: WalkOptions, room: Room) {
    this.directory = directory;
    this.#room = room;
    this.#options = options;
    const { signal } = options;
    this.#batches = directory.node.list(signal === undefined ? {} : { signal })[Symbol.asyncIterator]();
  }

  /** The next entry at hand. */
  take(): WalkEntry | undefined {
    return this.#ready.pop();
  }

  /** Reads ahead; false at the end of the directory, or where it becomes unreadable. */
  async fill(): Promise<boolean> {
    this.#options.signal?.throwIfAborted();
    if (this.#children.length === 0) this.#children = await this.#nextChildren();
    if (this.#children.length === 0) return false;
    const window = this.#children.splice(-STATS_AT_ONCE);
    this.#room.children += window.length;
    const entries = await Promise.all(window.map((child) => this.#look(child)));
    this.#options.signal?.throwIfAborted();
    this.#ready = entries.filter((entry) => entry !== undefined);
    return true;
  }

  async stop(): Promise<void> {
    this.#room.children += this.#children.length;
    this.#children = [];
    await this.#batches.return?.();
  }

  /** At least one batch, then as many as there is room for; the last to visit first. */
  async #nextChildren(): Promise<TreeChild[]> {
    const children: TreeChild[] = [];
    do {
      const batch = await this.#nextBatch();
      if (batch === undefined) break;
      for (const child of batch) children.push(child);
      this.#room.children -= batch.length;
    } while (this.#room.children > 0);
    // Stable, so children of unknown position stay in the order of the directory.
    return children.sort((a, b) => (a.position ?? 0) - (b.position ?? 0)).reverse();
  }

  async #nextBatch(): Promise<readonly TreeChild[] | undefined> {
    try {
      const next = await this.#batches.next();
      return next.done === true ? undefined : next.value;
    } catch (error) {
      this.#options.signal?.throwIfAborted();
      this.#options.onError(this.directory.path, error);
      return undefined;
    }
  }

  async #look({ name, node }: TreeChild): Promise<WalkEntry | undefined> {
    const path = relativePath(this.directory.path, name);
    try {
      if (!isSingleName(name)) {
        const place = { format: "directory tree", structure: displayName(path) };
        throw new CorruptDataError(place, "the name cannot be one of a file");
      }
      return { node, stat: await node.stat(this.#options.signal), path, depth: this.directory.depth + 1 };
    } catch (error) {
      if (this.#options.signal?.aborted !== true) this.#options.onError(path, error);
      return undefined;
    }
  }
}

const SLASH = Uint8Array.of(0x2f);

/** `directory` is relative too, and empty at the start. */
export function relativePath(directory: Uint8Array, name: Uint8Array): Uint8Array {
  return directory.length === 0 ? name : Buffer.concat([directory, SLASH, name]);
}
