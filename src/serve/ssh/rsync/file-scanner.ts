/** Finds what a transfer is made of: the arguments, and what is in their directories; flist.c. */
import { displayName, nameFromKey, nameKey } from "../../../bytes/byte-name.ts";
import { CorruptDataError, PathError } from "../../../errors.ts";
import { isSingleName } from "../../../restore-tree/placed-node.ts";
import type { RestoreTree, TreeChild, TreeNode, TreeStat } from "../../../restore-tree/tree-node.ts";
import type { Logger } from "../../log.ts";
import { Turns } from "../turns.ts";
import { type DirectorySource, type FileEntry, isDirectory, type Lineage } from "./file-entry.ts";
import type { FilterList } from "./filter-list.ts";
import { readMergeFile } from "./merge-file.ts";
import { MAX_PATH } from "./protocol.ts";
import type { ServerOptions } from "./server-options.ts";
import { cutArgument, impliedDirectories, isUnsafeLink, type SourceArgument, trimSlashes } from "./source-arguments.ts";
import type { TransferReport } from "./transfer-report.ts";

export interface ScannerOptions {
  readonly tree: RestoreTree;
  /** Absolute path without slashes around: where relative arguments start. */
  readonly home: string;
  readonly options: ServerOptions;
  readonly filters: FilterList;
  readonly report: TransferReport;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** With `-R`: also the directories on the way to what is named. */
  readonly sendsImplied: boolean;
  /** Called now and then during long listings. */
  onProgress(): Promise<void>;
}

/** Inodes read at the same time. */
const STATS_AT_ONCE = 64;

type EntryFlags = Partial<Pick<FileEntry, "isTop" | "isImplied" | "hasContent">>;

interface Place {
  readonly name: string;
  readonly node: TreeNode;
  readonly base: string;
  readonly filters: FilterList;
  readonly above?: Lineage;
}

/** Entries of one list by name; the first of a name stays, directories of one name become one. */
export class EntryCollection {
  readonly #byName = new Map<string, FileEntry>();
  /** Directories whose content is still to be listed, once more for each source that joined later. */
  readonly pending: { readonly entry: FileEntry; readonly source: DirectorySource }[] = [];

  get entries(): Iterable<FileEntry> {
    return this.#byName.values();
  }

  add(entry: FileEntry): void {
    const known = this.#byName.get(entry.name);
    if (known !== undefined && isDirectory(known) && isDirectory(entry)) {
      known.isTop ||= entry.isTop;
      known.hasContent ||= entry.hasContent;
      known.isImplied &&= entry.isImplied;
      for (const source of entry.sources) {
        const isListed = known.sources.some((other) => other.lineage.identity === source.lineage.identity);
        if (!isListed) this.#addSource(known, source);
      }
    } else if (known === undefined || isDirectory(entry)) {
      this.#byName.set(entry.name, entry);
      for (const source of entry.sources.splice(0)) this.#addSource(entry, source);
    }
  }

  #addSource(entry: FileEntry, source: DirectorySource): void {
    entry.sources.push(source);
    this.pending.push({ entry, source });
  }
}

export class FileScanner {
  readonly #scope: ScannerOptions;
  readonly #turns = new Turns();

  constructor(scope: ScannerOptions) {
    this.#scope = scope;
  }

  /** What an argument names itself; with `.` behind it, also one level of what is in it. */
  async addArgument(collection: EntryCollection, argument: string): Promise<void> {
    const { options, report, filters, signal } = this.#scope;
    const cut = cutArgument(argument, options.relative);
    const base = this.#absolute(cut.directory);
    let node: TreeNode;
    try {
      node = await this.#resolve(
        base,
        cut.name,
        cut.kind !== "plain" || options.copyDirectoryLinks || options.copyLinks,
      );
    } catch (error) {
      signal.throwIfAborted();
      await this.#reportMissing(collection, cut, base, argument, error);
      return;
    }
    const place: Place = { name: cut.name, node, base: trimmed(node.path, cut.name, base), filters };
    const entry = await this.#describe(place, { isTop: true, hasContent: options.recursive || cut.kind !== "plain" });
    if (entry === undefined) return;
    if (cut.kind !== "dot" && this.#excludes(entry)) return;
    if (isDirectory(entry) && !this.#sendsDirectories) {
      report.note(`skipping directory ${cut.name}`);
      return;
    }
    if (options.relative && this.#scope.sendsImplied) await this.#addImplied(collection, cut, base);
    entry.hasContent &&= isDirectory(entry);
    entry.sources = entry.hasContent ? entry.sources : [];
    collection.add(entry);
  }

  /** What is in a directory, as entries of their own lists or of this one. */
  async addChildren(collection: EntryCollection, parent: FileEntry, source: DirectorySource): Promise<void> {
    const { report, signal, logger } = this.#scope;
    const filters = await this.#enter(source);
    logger.info({ path: displayName(source.node.path) }, "directory listed over rsync");
    const prefix = parent.name === "." ? "" : parent.name === "/." ? "/" : `${parent.name}/`;
    try {
      for await (const batch of source.node.list({ signal })) {
        for (let first = 0; first < batch.length; first += STATS_AT_ONCE) {
          const children = await this.#included(batch.slice(first, first + STATS_AT_ONCE), prefix, source, filters);
          const described = await Promise.all(
            children.map((child) => this.#describeChild(child, prefix, source, filters)),
          );
          for (const entry of described) if (entry !== undefined) collection.add(entry);
          await this.#scope.onProgress();
          signal.throwIfAborted();
        }
      }
    } catch (error) {
      signal.throwIfAborted();
      report.failed(nameKey(source.node.path), error);
    }
  }

  /** Without those that rules leave out by name; one after the other, since rules may take long. */
  async #included(
    children: readonly TreeChild[],
    prefix: string,
    source: DirectorySource,
    filters: FilterList,
  ): Promise<readonly TreeChild[]> {
    if (filters.isEmpty) return children;
    const included: TreeChild[] = [];
    for (const child of children) {
      await this.#turns.share();
      const name = prefix + nameKey(child.name);
      const isExcluded = this.#excludesName(name, child.type === "directory", source.base, filters);
      if (!this.#isTypeKnown(child) || !isExcluded) included.push(child);
    }
    return included;
  }

  /** Whether the directory tells what rules judge: not for symlinks that are followed. */
  #isTypeKnown({ type }: TreeChild): boolean {
    return type !== "unknown" && !(type === "symlink" && this.#followsLinks);
  }

  get #sendsDirectories(): boolean {
    const { recursive, directories, listOnly, filesFrom } = this.#scope.options;
    return recursive || directories || listOnly || filesFrom !== undefined;
  }

  #absolute(path: string): string {
    return path.startsWith("/") ? trimSlashes(path) : trimSlashes(`${this.#scope.home}/${path}`);
  }

  #resolve(base: string, name: string, followLast: boolean): Promise<TreeNode> {
    const path = name.startsWith("/") ? name : `/${base}/${name}`;
    return this.#scope.tree.resolve(nameFromKey(path), { followLast, signal: this.#scope.signal });
  }

  async #reportMissing(
    collection: EntryCollection,
    cut: SourceArgument,
    base: string,
    argument: string,
    error: unknown,
  ): Promise<void> {
    const { options, report, filters } = this.#scope;
    const isMissing = error instanceof PathError && error.failure === "not-found";
    if (!isMissing) report.failed(argument, error);
    else if (options.missingArguments === "report") report.missing(argument, error);
    else if (options.missingArguments === "delete") {
      const node = await this.#scope.tree.resolve(Uint8Array.of(0x2f), { signal: this.#scope.signal });
      const flags = { isTop: true, isImplied: false, hasContent: false, wasSent: false };
      collection.add({ name: cut.name, node, base, filters, sources: [], ...flags });
    }
  }

  /** Directories on the way are sent as the client names them, unfiltered, their symlinks followed. */
  async #addImplied(collection: EntryCollection, cut: SourceArgument, base: string): Promise<void> {
    const { filters, report, signal } = this.#scope;
    for (const name of impliedDirectories(cut.name)) {
      try {
        const node = await this.#resolve(base, name, true);
        const stat = await node.stat(signal);
        const flags = { isTop: false, isImplied: true, hasContent: false, wasSent: false };
        collection.add({ name, node, stat, base, filters, sources: [], ...flags });
      } catch (error) {
        signal.throwIfAborted();
        report.failed(name, error);
      }
    }
  }

  async #describeChild(
    child: TreeChild,
    prefix: string,
    source: DirectorySource,
    filters: FilterList,
  ): Promise<FileEntry | undefined> {
    const { report, options } = this.#scope;
    const name = prefix + nameKey(child.name);
    if (!isSingleName(child.name)) {
      const place = { format: "directory tree", structure: "directory entry" };
      report.failed(nameKey(source.node.path), new CorruptDataError(place, "a name in it cannot be one of a file"));
      return undefined;
    }
    if (name.length >= MAX_PATH) {
      report.failed(name.slice(0, 200), "the path is too long for rsync");
      return undefined;
    }
    const place = { name, node: child.node, base: source.base, filters, above: source.lineage };
    const entry = await this.#describe(place, { hasContent: options.recursive });
    if (entry === undefined || (!this.#isTypeKnown(child) && this.#excludes(entry))) return undefined;
    return this.#withinFileSystem(entry, source);
  }

  get #followsLinks(): boolean {
    const { copyLinks, copyDirectoryLinks, copyUnsafeLinks } = this.#scope.options;
    return copyLinks || copyDirectoryLinks || copyUnsafeLinks;
  }

  /** With `-x` a directory of another file system stays empty, with `-xx` away. */
  #withinFileSystem(entry: FileEntry, source: DirectorySource): FileEntry | undefined {
    const { oneFileSystem, noMountPoints } = this.#scope.options;
    if (!oneFileSystem || !isDirectory(entry)) return entry;
    if (volumeOf(entry.stat?.identity ?? "") === volumeOf(source.lineage.identity)) return entry;
    if (noMountPoints) return undefined;
    entry.hasContent = false;
    entry.sources = [];
    return entry;
  }

  /** @returns undefined for what cannot be sent; that was reported. */
  async #describe(place: Place, flags: EntryFlags): Promise<FileEntry | undefined> {
    const { signal, report } = this.#scope;
    try {
      const { node, stat, target } = await this.#look(place);
      const entry: FileEntry = {
        ...place,
        node,
        stat,
        ...(target === undefined ? {} : { target }),
        isTop: flags.isTop ?? false,
        isImplied: false,
        hasContent: (flags.hasContent ?? false) && stat.type === "directory",
        sources: [],
        wasSent: false,
      };
      if (stat.type === "directory") {
        assertNoCycle(stat, place);
        const lineage =
          place.above === undefined ? { identity: stat.identity } : { identity: stat.identity, above: place.above };
        if (entry.hasContent) entry.sources = [{ node, base: place.base, filters: place.filters, lineage }];
      }
      return entry;
    } catch (error) {
      signal.throwIfAborted();
      if (!this.#excludesName(place.name, false, place.base, place.filters)) report.failed(place.name, error);
      return undefined;
    }
  }

  async #look(place: Place): Promise<{ node: TreeNode; stat: TreeStat; target?: Uint8Array }> {
    const { signal, options, tree } = this.#scope;
    const { node } = place;
    const stat = await node.stat(signal);
    if (stat.type !== "symlink") return { node: await this.#typed(node), stat };
    const target = await node.readLink(signal);
    const isFollowed = options.copyLinks || (options.copyUnsafeLinks && isUnsafeLink(nameKey(target), place.name));
    if (isFollowed || options.copyDirectoryLinks) {
      try {
        const followed = await tree.resolve(node.path, { signal });
        const followedStat = await followed.stat(signal);
        if (isFollowed || followedStat.type === "directory") return { node: followed, stat: followedStat };
      } catch (error) {
        if (isFollowed) throw error;
      }
    }
    if (options.links && target.length === 0) throw new PathError("invalid-path", "symlink", "its target is empty");
    return options.links ? { node, stat, target } : { node, stat };
  }

  /** Nodes from a directory that does not record types open only once they are looked up. */
  async #typed(node: TreeNode): Promise<TreeNode> {
    if (node.type !== "unknown") return node;
    return this.#scope.tree.resolve(node.path, { followLast: false, signal: this.#scope.signal });
  }

  #excludes({ name, base, filters, stat }: FileEntry): boolean {
    return this.#excludesName(name, stat?.type === "directory", base, filters);
  }

  #excludesName(name: string, directory: boolean, base: string, filters: FilterList): boolean {
    return !filters.isEmpty && filters.excludes({ name, isDirectory: directory, isXattr: false, base });
  }

  #enter({ node, filters }: DirectorySource): Promise<FilterList> {
    const { tree, signal, report } = this.#scope;
    return filters.enter(trimSlashes(nameKey(node.path)), (file) => readMergeFile(tree, node, file, signal, report));
  }
}

function assertNoCycle(stat: TreeStat, { above, name }: Place): void {
  for (let ancestor = above; ancestor !== undefined; ancestor = ancestor.above) {
    if (ancestor.identity === stat.identity) {
      throw new CorruptDataError({ format: "directory tree", structure: name }, "the directory contains itself");
    }
  }
}

/** The part of a node's identity that names its file system. */
function volumeOf(identity: string): string {
  return identity.slice(0, identity.lastIndexOf(":"));
}

/** Where the transfer starts, symlinks on the way resolved, when that can be told from where a node was found. */
function trimmed(found: Uint8Array, name: string, base: string): string {
  const path = nameKey(found);
  if (name === "." || name === "/.") return trimSlashes(path);
  const suffix = `/${trimSlashes(name)}`;
  return path.endsWith(suffix) ? trimSlashes(path.slice(0, -suffix.length)) : base;
}
