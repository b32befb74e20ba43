/** A file, directory or special file of a guest, at its place in the tree. */
import { displayName, nameFromText } from "../bytes/byte-name.ts";
import type { DirectoryEntry, ExtendedAttribute, FileType, NodeId } from "../disk/filesystem/file-system.ts";
import { readDriveTarget } from "../disk/guest/windows/drive-target.ts";
import { PathError } from "../errors.ts";
import type { SparseSource } from "../source/byte-source.ts";
import type { GuestView, GuestVolume } from "./guest-view.ts";
import { childPath, isSingleName, type PlacedNode } from "./placed-node.ts";
import type { ListOptions, TreeChild, TreeStat } from "./tree-node.ts";

interface GuestPlace {
  readonly view: GuestView;
  readonly volume: GuestVolume;
  readonly node: NodeId;
  readonly type: FileType;
}

export class GuestNode implements PlacedNode {
  readonly parent: PlacedNode;
  readonly guestRoot: GuestNode;
  readonly type: FileType;
  readonly #name: Uint8Array;
  readonly #place: GuestPlace;

  private constructor(parent: PlacedNode, guestRoot: GuestNode | undefined, name: Uint8Array, place: GuestPlace) {
    this.parent = parent;
    this.guestRoot = guestRoot ?? this;
    this.type = place.type;
    this.#name = name;
    this.#place = place;
  }

  /** The root directory of a guest, shown as `name` in `parent`. */
  static root(parent: PlacedNode, name: Uint8Array, view: GuestView): GuestNode {
    const volume = view.root;
    return new GuestNode(parent, undefined, name, { view, volume, node: volume.fileSystem.root, type: "directory" });
  }

  get path(): Uint8Array {
    return childPath(this.parent.path, this.#name);
  }

  /** The volume this node lies on and its number there, for placing mounts. */
  get location(): { readonly volume: GuestVolume; readonly node: NodeId } {
    return this.#place;
  }

  async stat(signal?: AbortSignal): Promise<TreeStat> {
    const { volume, view } = this.#place;
    const stat = await volume.fileSystem.stat(this.#place.node, signal);
    const identity = `${volume.key}:${stat.node}`;
    if (stat.type !== "symlink" || view.drives === undefined) return { ...stat, identity };
    return { ...stat, size: (await this.#linkTarget(stat.node, signal)).length, identity };
  }

  async *list(options: ListOptions = {}): AsyncIterable<readonly TreeChild[]> {
    if (this.type !== "directory") throw this.#failure("not-a-directory");
    const { after, signal } = options;
    const batches = this.#place.volume.fileSystem.readDirectory(this.#place.node, {
      ...(after === undefined ? {} : { after: this.#parseCursor(after) }),
      ...(signal === undefined ? {} : { signal }),
    });
    for await (const batch of batches) {
      yield batch.map((entry) => ({
        name: entry.name,
        type: entry.type,
        cursor: String(entry.cursor),
        position: entry.node,
        node: this.#childNode(entry, entry.type),
      }));
    }
  }

  async child(name: Uint8Array, signal?: AbortSignal): Promise<GuestNode | undefined> {
    if (!isSingleName(name)) throw new PathError("invalid-path", displayName(name));
    if (this.type !== "directory") throw this.#failure("not-a-directory");
    const { fileSystem } = this.#place.volume;
    const entry = await fileSystem.lookup(this.#place.node, name, signal);
    if (entry === undefined) return undefined;
    const type = entry.type === "unknown" ? (await fileSystem.stat(entry.node, signal)).type : entry.type;
    return this.#childNode(entry, type);
  }

  readLink(signal?: AbortSignal): Promise<Uint8Array> {
    return this.#only("symlink", "not-a-symlink", (node) => this.#linkTarget(node, signal), signal);
  }

  open(signal?: AbortSignal): Promise<SparseSource> {
    return this.#only("file", "not-a-file", (node) => this.#place.volume.fileSystem.openFile(node, signal), signal);
  }

  xattrs(signal?: AbortSignal): Promise<readonly ExtendedAttribute[]> {
    return this.#place.volume.fileSystem.xattrs(this.#place.node, signal);
  }

  /** A file system knows no drive but itself; a link that names another one leads there through the guest's root. */
  async #linkTarget(node: NodeId, signal?: AbortSignal): Promise<Uint8Array> {
    const { volume, view } = this.#place;
    const { fileSystem } = volume;
    const target = view.drives && (await readDriveTarget(fileSystem, node, signal));
    const drive = target && view.drives.get(target.letter);
    if (target === undefined || drive === volume) return fileSystem.readLink(node, signal);
    if (drive === undefined) return target.shown;
    let up = "";
    for (let at: PlacedNode | undefined = this.parent; at !== undefined && at !== this.guestRoot; at = at.parent) {
      up += "../";
    }
    return Buffer.concat([nameFromText(`${up}${target.letter}/`), target.path]);
  }

  /** Steps over to the mounted file system where one is mounted on the child. */
  #childNode(entry: DirectoryEntry, type: FileType): GuestNode {
    const { view, volume } = this.#place;
    const mounted = view.mountedOn(volume, entry.node);
    const place: GuestPlace =
      mounted === undefined
        ? { view, volume, node: entry.node, type }
        : { view, volume: mounted, node: mounted.fileSystem.root, type: "directory" };
    return new GuestNode(this, this.guestRoot, entry.name, place);
  }

  async #only<Result>(
    type: FileType,
    failure: PathError["failure"],
    work: (node: NodeId) => Promise<Result>,
    signal?: AbortSignal,
  ): Promise<Result> {
    const actual = this.type === "unknown" ? (await this.stat(signal)).type : this.type;
    if (actual !== type) throw this.#failure(failure);
    return work(this.#place.node);
  }

  #parseCursor(cursor: string): number {
    const value = /^\d{1,16}$/.test(cursor) ? Number(cursor) : Number.NaN;
    if (!Number.isSafeInteger(value))
      throw new PathError("invalid-path", displayName(this.path), "unknown list cursor");
    return value;
  }

  #failure(failure: PathError["failure"]): PathError {
    return new PathError(failure, displayName(this.path));
  }
}
