import { compareBytes, nameFromText, nameKey } from "../../src/bytes/byte-name.ts";
import type {
  DirectoryEntry,
  ExtendedAttribute,
  FileSystem,
  FileSystemInfo,
  FileType,
  NodeId,
  NodeStat,
  ReadDirectoryOptions,
} from "../../src/disk/filesystem/file-system.ts";
import type { Extent, SparseSource } from "../../src/source/byte-source.ts";

interface MemoryNode {
  readonly stat: NodeStat;
  readonly entries: { name: Uint8Array; node: NodeId }[];
  /** Link target, or the stretches of a file that are not holes. */
  readonly target: Uint8Array;
  readonly data: readonly DataStretch[];
  readonly xattrs: readonly ExtendedAttribute[];
}

export interface DataStretch {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface MemoryNodeOptions extends Partial<Omit<NodeStat, "node" | "type">> {
  readonly xattrs?: readonly ExtendedAttribute[];
  /** Regular files: content, everything else up to `size` being a hole. */
  readonly data?: readonly DataStretch[];
}

const bytesOf = (text: string | Uint8Array): Uint8Array => (typeof text === "string" ? nameFromText(text) : text);

/**
 * A file system made of calls, for tests of what lies above file systems: trees, walks, archives. It can be
 * damaged on purpose. Readers of real formats are never tested against it.
 */
export class MemoryFileSystem implements FileSystem {
  readonly root: NodeId = 2;
  readonly #nodes = new Map<NodeId, MemoryNode>();
  readonly #failures = new Map<NodeId, Error>();
  readonly #type: string;
  /** Entries per batch of readDirectory. */
  readonly #batch: number;
  closed = false;
  openSources = 0;

  constructor(type = "memory", batch = 3) {
    this.#type = type;
    this.#batch = batch;
    this.#insert(this.root, "directory", { mode: 0o755 });
  }

  directory(parent: NodeId, name: string | Uint8Array, options: MemoryNodeOptions = {}): NodeId {
    return this.#create(parent, name, "directory", { mode: 0o755, ...options });
  }

  file(
    parent: NodeId,
    name: string | Uint8Array,
    content: string | Uint8Array = "",
    options: MemoryNodeOptions = {},
  ): NodeId {
    const bytes = bytesOf(content);
    const data = bytes.length === 0 ? [] : [{ offset: 0, bytes }];
    return this.#create(parent, name, "file", { size: bytes.length, data, ...options });
  }

  symlink(
    parent: NodeId,
    name: string | Uint8Array,
    target: string | Uint8Array,
    options: MemoryNodeOptions = {},
  ): NodeId {
    return this.#create(
      parent,
      name,
      "symlink",
      { mode: 0o777, size: bytesOf(target).length, ...options },
      bytesOf(target),
    );
  }

  special(parent: NodeId, name: string | Uint8Array, type: FileType, options: MemoryNodeOptions = {}): NodeId {
    return this.#create(parent, name, type, options);
  }

  /** Another name for an existing node: a hard link, or a cycle when it is a directory. */
  link(parent: NodeId, name: string | Uint8Array, node: NodeId): void {
    this.#node(parent).entries.push({ name: bytesOf(name), node });
  }

  /** Everything asked of the node from now on throws. */
  break(node: NodeId, failure: Error): void {
    this.#failures.set(node, failure);
  }

  #create(
    parent: NodeId,
    name: string | Uint8Array,
    type: FileType,
    options: MemoryNodeOptions,
    target?: Uint8Array,
  ): NodeId {
    const node = this.#nodes.size + 2;
    this.#insert(node, type, options, target);
    this.link(parent, name, node);
    return node;
  }

  #insert(node: NodeId, type: FileType, options: MemoryNodeOptions, target: Uint8Array = Uint8Array.of()): void {
    const { xattrs = [], data = [], ...stat } = options;
    const times = { mtime: 0n, atime: 0n, ctime: 0n };
    const defaults = {
      mode: 0o644,
      uid: 0,
      gid: 0,
      size: 0,
      allocated: 0,
      links: type === "directory" ? 2 : 1,
      ...times,
    };
    this.#nodes.set(node, { stat: { ...defaults, ...stat, node, type }, entries: [], target, data, xattrs });
  }

  #node(node: NodeId): MemoryNode {
    const found = this.#nodes.get(node);
    if (found === undefined) throw new Error(`no node ${node}`);
    const failure = this.#failures.get(node);
    if (failure !== undefined) throw failure;
    return found;
  }

  info(): FileSystemInfo {
    const consistency = { state: "clean", detail: "clean" } as const;
    return { type: this.#type, blockSize: 4096, size: 1 << 20, features: [], consistency, warnings: [] };
  }

  async lookup(directory: NodeId, name: Uint8Array): Promise<DirectoryEntry | undefined> {
    const { entries } = this.#node(directory);
    const index = entries.findIndex((entry) => compareBytes(entry.name, name) === 0);
    const entry = entries[index];
    return entry === undefined ? undefined : this.#entry(entry, index);
  }

  async *readDirectory(
    directory: NodeId,
    options: ReadDirectoryOptions = {},
  ): AsyncIterable<readonly DirectoryEntry[]> {
    const { entries } = this.#node(directory);
    for (let index = (options.after ?? -1) + 1; index < entries.length; index += this.#batch) {
      options.signal?.throwIfAborted();
      yield entries.slice(index, index + this.#batch).map((entry, position) => this.#entry(entry, index + position));
    }
  }

  #entry({ name, node }: { name: Uint8Array; node: NodeId }, cursor: number): DirectoryEntry {
    return { name, node, type: this.#nodes.get(node)?.stat.type ?? "unknown", cursor };
  }

  async stat(node: NodeId): Promise<NodeStat> {
    return this.#node(node).stat;
  }

  async readLink(node: NodeId): Promise<Uint8Array> {
    return this.#node(node).target;
  }

  async openFile(node: NodeId): Promise<SparseSource> {
    const { stat, data } = this.#node(node);
    this.openSources++;
    return new StretchesSource(stat.size, data, () => this.openSources--);
  }

  async xattrs(node: NodeId): Promise<readonly ExtendedAttribute[]> {
    return this.#node(node).xattrs;
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  /** All paths below the root, for comparing; directories reached twice are not entered again. */
  paths(directory: NodeId = this.root, prefix = "", seen: ReadonlySet<NodeId> = new Set()): string[] {
    if (seen.has(directory)) return [];
    return this.#node(directory).entries.flatMap(({ name, node }) => {
      const path = `${prefix}/${nameKey(name)}`;
      const isDirectory = this.#nodes.get(node)?.stat.type === "directory";
      return isDirectory ? [path, ...this.paths(node, path, new Set([...seen, directory]))] : [path];
    });
  }
}

/** A sparse file: stretches of data in ascending order, holes between them. */
export class StretchesSource implements SparseSource {
  readonly size: number;
  readonly #data: readonly DataStretch[];
  readonly #onClose: () => void;
  #closed = false;

  constructor(size: number, data: readonly DataStretch[], onClose: () => void = () => undefined) {
    this.size = size;
    this.#data = data;
    this.#onClose = onClose;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    if (offset + length > this.size) throw new Error("read beyond the end");
    const result = new Uint8Array(length);
    for (const stretch of this.#data) {
      const from = Math.max(offset, stretch.offset);
      const to = Math.min(offset + length, stretch.offset + stretch.bytes.length);
      if (from < to) result.set(stretch.bytes.subarray(from - stretch.offset, to - stretch.offset), from - offset);
    }
    return result;
  }

  async *extents(from = 0): AsyncIterable<Extent> {
    let position = from;
    for (const { offset, bytes } of this.#data) {
      const end = offset + bytes.length;
      if (end <= position) continue;
      if (offset > position) yield { offset: position, length: offset - position, kind: "hole" };
      const start = Math.max(offset, position);
      yield { offset: start, length: end - start, kind: "data" };
      position = end;
    }
    if (position < this.size) yield { offset: position, length: this.size - position, kind: "hole" };
  }

  async close(): Promise<void> {
    if (!this.#closed) this.#onClose();
    this.#closed = true;
  }
}
