/** The directories and the file vmfr adds above the guests: read-only, owned by root, dated by the backup. */
import { displayName, nameKey } from "../bytes/byte-name.ts";
import type { ExtendedAttribute } from "../disk/filesystem/file-system.ts";
import { PathError, SourceError } from "../errors.ts";
import type { Extent, SparseSource } from "../source/byte-source.ts";
import { childPath, isSingleName, type PlacedNode } from "./placed-node.ts";
import type { ListOptions, TreeChild, TreeStat } from "./tree-node.ts";

/** One name in a virtual directory. `place` gives undefined when it turns out there is nothing to show. */
export interface VirtualChild {
  readonly name: Uint8Array;
  place(parent: VirtualDirectory, signal?: AbortSignal): Promise<PlacedNode | undefined>;
}

export interface VirtualPlace {
  readonly parent?: VirtualDirectory;
  readonly name: Uint8Array;
  readonly modified: Date;
}

abstract class VirtualNode {
  readonly guestRoot: undefined;
  readonly parent: VirtualDirectory | undefined;
  readonly path: Uint8Array;
  readonly #modified: Date;

  constructor({ parent, name, modified }: VirtualPlace) {
    this.parent = parent;
    this.path = childPath(parent?.path ?? Uint8Array.of(), name);
    this.#modified = modified;
  }

  async xattrs(): Promise<readonly ExtendedAttribute[]> {
    return [];
  }

  async readLink(): Promise<Uint8Array> {
    throw this.failure("not-a-symlink");
  }

  protected failure(failure: PathError["failure"], detail?: string): PathError {
    return new PathError(failure, displayName(this.path), detail);
  }

  protected describe(type: "directory" | "file", mode: number, size: number): TreeStat {
    const time = BigInt(this.#modified.getTime()) * 1_000_000n;
    const links = type === "directory" ? 2 : 1;
    const times = { mtime: time, atime: time, ctime: time };
    return { type, mode, uid: 0, gid: 0, size, allocated: 0, links, ...times, identity: `tree:${nameKey(this.path)}` };
  }
}

export class VirtualDirectory extends VirtualNode implements PlacedNode {
  readonly type = "directory";
  /** Why the directory is empty, when what belongs here cannot be read. */
  readonly #unreadable: string | undefined;
  readonly #children: readonly VirtualChild[];

  constructor(place: VirtualPlace, children: readonly VirtualChild[], unreadable?: string) {
    super(place);
    this.#children = children;
    this.#unreadable = unreadable;
  }

  async stat(): Promise<TreeStat> {
    return this.describe("directory", 0o555, 0);
  }

  async *list(options: ListOptions = {}): AsyncIterable<readonly TreeChild[]> {
    const first = options.after === undefined ? 0 : Number(options.after) + 1;
    if (!Number.isSafeInteger(first) || first < 0) throw this.failure("invalid-path", "unknown list cursor");
    const placed = await Promise.all(
      this.#children.slice(first).map(async (child, index) => {
        const node = await child.place(this, options.signal);
        return node === undefined ? [] : [{ name: child.name, type: node.type, cursor: String(first + index), node }];
      }),
    );
    const listed = placed.flat();
    if (listed.length > 0) yield listed;
  }

  /** @throws PathError invalid-path for what is no single name, not-found with the reason in an unreadable disk's directory. */
  async child(name: Uint8Array, signal?: AbortSignal): Promise<PlacedNode | undefined> {
    if (!isSingleName(name)) throw new PathError("invalid-path", displayName(name));
    if (this.#unreadable !== undefined) throw this.failure("not-found", this.#unreadable);
    const key = nameKey(name);
    return this.#children.find((child) => nameKey(child.name) === key)?.place(this, signal);
  }

  async open(): Promise<SparseSource> {
    throw this.failure("not-a-file");
  }
}

/** A small file made by vmfr. Its bytes are fixed when the node is first asked, so that size and content agree. */
export class VirtualFile extends VirtualNode implements PlacedNode {
  readonly type = "file";
  readonly #render: () => Uint8Array;
  #bytes: Uint8Array | undefined;

  constructor(place: VirtualPlace, render: () => Uint8Array) {
    super(place);
    this.#render = render;
  }

  async stat(): Promise<TreeStat> {
    return this.describe("file", 0o444, this.#content().length);
  }

  // biome-ignore lint/correctness/useYield: a file has no children, and says so when iterated
  async *list(): AsyncIterable<readonly TreeChild[]> {
    throw this.failure("not-a-directory");
  }

  async child(): Promise<undefined> {
    throw this.failure("not-a-directory");
  }

  async open(): Promise<SparseSource> {
    return new BytesSource(this.#content());
  }

  #content(): Uint8Array {
    this.#bytes ??= this.#render();
    return this.#bytes;
  }
}

class BytesSource implements SparseSource {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get size(): number {
    return this.#bytes.length;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    if (offset < 0 || length < 0 || offset + length > this.size) {
      throw new SourceError(`read of ${length} bytes at ${offset} lies outside ${this.size}`, { retryable: false });
    }
    return this.#bytes.subarray(offset, offset + length);
  }

  async *extents(from = 0): AsyncIterable<Extent> {
    if (from < this.size) yield { offset: from, length: this.size - from, kind: "data" };
  }

  async close(): Promise<void> {}
}
