/** Everything below a node, for archives, recursive listings and searches. */
import { displayName } from "../bytes/byte-name.ts";
import { defaultLimits } from "../bytes/limits.ts";
import type { FileType } from "../disk/filesystem/file-system.ts";
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

/** What a walk came to. `Known` is what it learned of it: all of its stat, or enough to go on. */
export class WalkEntry<Known extends TypeKnown = TreeStat> {
  readonly node: TreeNode;
  readonly stat: Known;
  readonly depth: number;
  /** Empty for the start of the walk. */
  readonly name: Uint8Array;
  /** Absent for the start of the walk. */
  readonly directory: WalkEntry<Known> | undefined;
  #path: Uint8Array | undefined;

  constructor(node: TreeNode, stat: Known, name: Uint8Array, directory?: WalkEntry<Known>) {
    this.node = node;
    this.stat = stat;
    this.name = name;
    this.directory = directory;
    this.depth = directory === undefined ? 0 : directory.depth + 1;
  }

  /** From where the walk started: names with `/` between; empty for the start itself. */
  get path(): Uint8Array {
    this.#path ??= this.directory === undefined ? this.name : relativePath(this.directory.path, this.name);
    return this.#path;
  }
}

/** The least that a walk has to know: whether to go inside, and for a directory, which one it is. */
export interface TypeKnown {
  readonly type: FileType;
  readonly identity?: string;
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
  for await (const batch of walkBatches(start, options)) {
    for (const entry of batch) {
      options.signal?.throwIfAborted();
      yield entry;
    }
  }
}

/** As `walk`, many entries at a time: waiting for each would be most of the work. */
export function walkBatches(start: TreeNode, options: WalkOptions): Batches<TreeStat> {
  return batches(start, options, {
    peek: ({ node }) => node.peekStat?.(),
    read: ({ node }, signal) => node.stat(signal),
  });
}

/** As `walkBatches`, without looking at what the directory says enough about: a third of the work. */
export function walkNames(start: TreeNode, options: WalkOptions): Batches<TypeKnown> {
  const isEnough = (type: FileType) => type !== "directory" && type !== "unknown";
  return batches<TypeKnown>(start, options, {
    peek: (child) => (isEnough(child.type) ? child : child.node.peekStat?.()),
    read: ({ node }, signal) => node.stat(signal),
  });
}

type Batches<Known extends TypeKnown> = AsyncGenerator<readonly WalkEntry<Known>[], void, undefined>;

/** How a walk learns what it has to know of a child. */
interface Look<Known> {
  /** Without waiting; undefined where that does not do. */
  peek(child: Looked): Known | undefined;
  read(child: Looked, signal?: AbortSignal): Promise<Known>;
}

type Looked = Pick<TreeChild, "node" | "type">;

async function* batches<Known extends TypeKnown>(
  start: TreeNode,
  options: WalkOptions,
  look: Look<Known>,
): Batches<Known> {
  const walker = new Walker(options, look);
  try {
    const first = await walker.begin(start);
    if (first === undefined) return;
    yield [first];
    walker.enter(first);
    for (let level = walker.innermost; level !== undefined; level = walker.innermost) {
      const entries = level.take();
      const last = entries.at(-1);
      if (last === undefined) {
        if (!(await level.fill())) await walker.leave();
        continue;
      }
      const isAccepted = walker.accepts(last);
      if (!isAccepted) entries.pop();
      if (entries.length > 0) yield entries;
      if (isAccepted) walker.enter(last);
    }
  } finally {
    await walker.stop();
  }
}

class Walker<Known extends TypeKnown> {
  readonly #options: WalkOptions;
  readonly #look: Look<Known>;
  readonly #pathDepth: number;
  readonly #levels: Level<Known>[] = [];
  readonly #room: Room = { children: CHILDREN_HELD };
  readonly #ancestors = new Set<string>();

  constructor(options: WalkOptions, look: Look<Known>) {
    this.#options = options;
    this.#look = look;
    this.#pathDepth = options.pathDepth ?? defaultLimits.pathDepth;
  }

  get innermost(): Level<Known> | undefined {
    return this.#levels.at(-1);
  }

  async begin(node: TreeNode): Promise<WalkEntry<Known> | undefined> {
    const name = Uint8Array.of();
    try {
      return new WalkEntry(node, await this.#look.read({ node, type: node.type }, this.#options.signal), name);
    } catch (error) {
      this.#options.signal?.throwIfAborted();
      this.#options.onError(name, error);
      return undefined;
    }
  }

  /** Reports and refuses a directory that would never end. */
  accepts(entry: WalkEntry<Known>): boolean {
    const { stat, depth } = entry;
    if (stat.type !== "directory") return true;
    const { path } = entry;
    if (stat.identity !== undefined && this.#ancestors.has(stat.identity)) {
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

  enter(entry: WalkEntry<Known>): void {
    const { type, identity } = entry.stat;
    if (type !== "directory") return;
    this.#levels.push(new Level(entry, this.#options, this.#look, this.#room));
    if (identity !== undefined) this.#ancestors.add(identity);
  }

  async leave(): Promise<void> {
    const level = this.#levels.pop();
    if (level === undefined) return;
    const { identity } = level.directory.stat;
    if (identity !== undefined) this.#ancestors.delete(identity);
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
class Level<Known extends TypeKnown> {
  readonly directory: WalkEntry<Known>;
  readonly #options: WalkOptions;
  readonly #look: Look<Known>;
  readonly #room: Room;
  readonly #batches: AsyncIterator<readonly TreeChild[]>;
  /** The next one last. */
  #children: TreeChild[] = [];
  #ready: WalkEntry<Known>[] = [];

  constructor(directory: WalkEntry<Known>, options: WalkOptions, look: Look<Known>, room: Room) {
    this.directory = directory;
    this.#options = options;
    this.#look = look;
    this.#room = room;
    const { signal } = options;
    this.#batches = directory.node.list(signal === undefined ? {} : { signal })[Symbol.asyncIterator]();
  }

  /** The next entries at hand, up to the first directory: what it holds comes before the others. */
  take(): WalkEntry<Known>[] {
    const ready = this.#ready;
    const directory = ready.findIndex(({ stat }) => stat.type === "directory");
    this.#ready = directory < 0 ? [] : ready.slice(directory + 1);
    return directory < 0 ? ready : ready.slice(0, directory + 1);
  }

  /** Reads ahead; false at the end of the directory, or where it becomes unreadable. */
  async fill(): Promise<boolean> {
    this.#options.signal?.throwIfAborted();
    if (this.#children.length === 0) this.#children = await this.#nextChildren();
    if (this.#children.length === 0) return false;
    const window = this.#children.splice(-STATS_AT_ONCE).reverse();
    this.#room.children += window.length;
    const found = window.map((child) => this.#peek(child) ?? this.#read(child));
    const entries = found.some((entry) => entry instanceof Promise) ? await Promise.all(found) : found;
    this.#options.signal?.throwIfAborted();
    this.#ready = entries.filter((entry) => entry instanceof WalkEntry);
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

  /** The child's entry if it takes no waiting; undefined where `#read` has to tell, failures included. */
  #peek(child: TreeChild): WalkEntry<Known> | undefined {
    const { node, name } = child;
    if (!isSingleName(name)) return undefined;
    try {
      const known = this.#look.peek(child);
      return known && new WalkEntry(node, known, name, this.directory);
    } catch {
      return undefined;
    }
  }

  async #read(child: TreeChild): Promise<WalkEntry<Known> | undefined> {
    const { node, name } = child;
    try {
      if (!isSingleName(name)) {
        const place = { format: "directory tree", structure: displayName(relativePath(this.directory.path, name)) };
        throw new CorruptDataError(place, "the name cannot be one of a file");
      }
      return new WalkEntry(node, await this.#look.read(child, this.#options.signal), name, this.directory);
    } catch (error) {
      if (this.#options.signal?.aborted !== true) {
        this.#options.onError(relativePath(this.directory.path, name), error);
      }
      return undefined;
    }
  }
}

const SLASH = Uint8Array.of(0x2f);

/** `directory` is relative too, and empty at the start. */
export function relativePath(directory: Uint8Array, name: Uint8Array): Uint8Array {
  return directory.length === 0 ? name : Buffer.concat([directory, SLASH, name]);
}
