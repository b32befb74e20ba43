/** A file, directory or special file of a guest, at its place in the tree. */
import { displayName, nameFromText } from "../bytes/byte-name.ts";
import type { DirectoryEntry, ExtendedAttribute, FileType, NodeId, NodeStat } from "../disk/filesystem/file-system.ts";
import { readDriveTarget } from "../disk/guest/windows/drive-target.ts";
import { PathError } from "../errors.ts";
import type { SparseSource } from "../source/byte-source.ts";
import type { GuestView, GuestVolume } from "./guest-view.ts";
import { childPath, isSingleName, type PlacedNode } from "./placed-node.ts";
import type { ListOptions, TreeChild, TreeStat } from "./tree-node.ts";

interface GuestPlace {
  readonly volume: GuestVolume;
  readonly node: NodeId;
  readonly type: FileType;
}

export class GuestNode implements PlacedNode {
  readonly parent: PlacedNode;
  readonly guestRoot: GuestNode;
  readonly type: FileType;
  readonly #name: Uint8Array;
  readonly #view: GuestView;
  readonly #volume: GuestVolume;
  readonly #node: NodeId;

  private constructor(
    parent: PlacedNode,
    guestRoot: GuestNode | undefined,
    name: Uint8Array,
    view: GuestView,
    { volume, node, type }: GuestPlace,
  ) {
    this.parent = parent;
    this.guestRoot = guestRoot ?? this;
    this.type = type;
    this.#name = name;
    this.#view = view;
    this.#volume = volume;
    this.#node = node;
  }

  /** The root directory of a guest, shown as `name` in `parent`. */
  static root(parent: PlacedNode, name: Uint8Array, view: GuestView): GuestNode {
    const volume = view.root;
    return new GuestNode(parent, undefined, name, view, { volume, node: volume.fileSystem.root, type: "directory" });
  }

  get path(): Uint8Array {
    return childPath(this.parent.path, this.#name);
  }

  /** The volume this node lies on and its number there, for placing mounts. */
  get location(): { readonly volume: GuestVolume; readonly node: NodeId } {
    return { volume: this.#volume, node: this.#node };
  }

  async stat(signal?: AbortSignal): Promise<TreeStat> {
    const stat = await this.#volume.fileSystem.stat(this.#node, signal);
    const shown = treeStat(stat, this.#volume.key);
    return this.#isRedirected(stat) ? { ...shown, size: (await this.#linkTarget(stat.node, signal)).length } : shown;
  }

  peekStat(): TreeStat | undefined {
    const stat = this.#volume.fileSystem.peekStat?.(this.#node);
    return stat === undefined || this.#isRedirected(stat) ? undefined : treeStat(stat, this.#volume.key);
  }

  /** Whether it is a link whose target may be shown otherwise than the file system has it. */
  #isRedirected(stat: NodeStat): boolean {
    return stat.type === "symlink" && this.#view.drives !== undefined;
  }

  async *list(options: ListOptions = {}): AsyncIterable<readonly TreeChild[]> {
    if (this.type !== "directory") throw this.#failure("not-a-directory");
    const { after, signal } = options;
    const batches = this.#volume.fileSystem.readDirectory(this.#node, {
      ...(after === undefined ? {} : { after: this.#parseCursor(after) }),
      ...(signal === undefined ? {} : { signal }),
    });
    for await (const batch of batches) {
      yield batch.map((entry) => new GuestChild(entry, this.#childNode(entry, entry.type)));
    }
  }

  async child(name: Uint8Array, signal?: AbortSignal): Promise<GuestNode | undefined> {
    if (!isSingleName(name)) throw new PathError("invalid-path", displayName(name));
    if (this.type !== "directory") throw this.#failure("not-a-directory");
    const { fileSystem } = this.#volume;
    const entry = await fileSystem.lookup(this.#node, name, signal);
    if (entry === undefined) return undefined;
    const type = entry.type === "unknown" ? (await fileSystem.stat(entry.node, signal)).type : entry.type;
    return this.#childNode(entry, type);
  }

  readLink(signal?: AbortSignal): Promise<Uint8Array> {
    return this.#only("symlink", "not-a-symlink", (node) => this.#linkTarget(node, signal), signal);
  }

  open(signal?: AbortSignal): Promise<SparseSource> {
    return this.#only("file", "not-a-file", (node) => this.#volume.fileSystem.openFile(node, signal), signal);
  }

  xattrs(signal?: AbortSignal): Promise<readonly ExtendedAttribute[]> {
    return this.#volume.fileSystem.xattrs(this.#node, signal);
  }

  /** A file system knows no drive but itself; a link that names another one leads there through the guest's root. */
  async #linkTarget(node: NodeId, signal?: AbortSignal): Promise<Uint8Array> {
    const { fileSystem } = this.#volume;
    const { drives } = this.#view;
    const target = drives && (await readDriveTarget(fileSystem, node, signal));
    const drive = target && drives.get(target.letter);
    if (target === undefined || drive === this.#volume) return fileSystem.readLink(node, signal);
    if (drive === undefined) return target.shown;
    let up = "";
    for (let at: PlacedNode | undefined = this.parent; at !== undefined && at !== this.guestRoot; at = at.parent) {
      up += "../";
    }
    return Buffer.concat([nameFromText(`${up}${target.letter}/`), target.path]);
  }

  /** Steps over to the mounted file system where one is mounted on the child. */
  #childNode(entry: DirectoryEntry, type: FileType): GuestNode {
    const mounted = this.#view.mountedOn(this.#volume, entry.node);
    const place: GuestPlace =
      mounted === undefined
        ? { volume: this.#volume, node: entry.node, type }
        : { volume: mounted, node: mounted.fileSystem.root, type: "directory" };
    return new GuestNode(this, this.guestRoot, entry.name, this.#view, place);
  }

  async #only<Result>(
    type: FileType,
    failure: PathError["failure"],
    work: (node: NodeId) => Promise<Result>,
    signal?: AbortSignal,
  ): Promise<Result> {
    const actual = this.type === "unknown" ? (await this.stat(signal)).type : this.type;
    if (actual !== type) throw this.#failure(failure);
    return work(this.#node);
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

/** One of a listing's children. Millions pass by, most of them unasked for a cursor. */
class GuestChild implements TreeChild {
  readonly name: Uint8Array;
  readonly type: FileType;
  readonly node: GuestNode;
  readonly position: NodeId;
  readonly #cursor: number;

  constructor(entry: DirectoryEntry, node: GuestNode) {
    this.name = entry.name;
    this.type = entry.type;
    this.node = node;
    this.position = entry.node;
    this.#cursor = entry.cursor;
  }

  get cursor(): string {
    return String(this.#cursor);
  }
}

/** Field by field: a walk does this for every file, and spreading costs several times as much. */
function treeStat(stat: NodeStat, volumeKey: string): TreeStat {
  const shown: { -readonly [Field in keyof TreeStat]: TreeStat[Field] } = {
    type: stat.type,
    mode: stat.mode,
    uid: stat.uid,
    gid: stat.gid,
    size: stat.size,
    allocated: stat.allocated,
    links: stat.links,
    mtime: stat.mtime,
    atime: stat.atime,
    ctime: stat.ctime,
    identity: `${volumeKey}:${stat.node}`,
  };
  if (stat.birthtime !== undefined) shown.birthtime = stat.birthtime;
  if (stat.device !== undefined) shown.device = stat.device;
  if (stat.owner !== undefined) shown.owner = stat.owner;
  if (stat.flags !== undefined) shown.flags = stat.flags;
  return shown;
}
