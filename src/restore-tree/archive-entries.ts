/** Turns a part of the tree into what the archive writers take. */
import type { ArchiveEntry } from "../archive/archive-entry.ts";
import type { ArchiveReport } from "../archive/archive-report.ts";
import type { ExtendedAttribute } from "../disk/filesystem/file-system.ts";
import { describeError } from "../errors.ts";
import type { TreeNode, TreeStat } from "./tree-node.ts";
import { relativePath, walk } from "./walk.ts";

/** Files with several names that are remembered at a time; a further one is archived again under its other names. */
const LINKED_FILES_KEPT = 100_000;

export interface ArchiveEntriesOptions {
  /** Where to say what could not be read. */
  readonly report: ArchiveReport;
  /** Name of the start in the archive; absent for a directory whose content is to be the top level. */
  readonly name?: Uint8Array;
  /** Whether other names of a file already archived become hard links. Default true. */
  readonly hardLinks?: boolean;
  /** Default true. */
  readonly xattrs?: boolean;
  readonly signal?: AbortSignal;
}

/** Depth first, constant memory; what cannot be read is reported and left out. */
export async function* archiveEntries(
  start: TreeNode,
  options: ArchiveEntriesOptions,
): AsyncGenerator<ArchiveEntry, void, undefined> {
  const { report, name = Uint8Array.of(), signal } = options;
  const links = options.hardLinks === false ? undefined : new HardLinks();
  const pathOf = (path: Uint8Array): Uint8Array => (path.length === 0 ? name : relativePath(name, path));
  const onError = (path: Uint8Array, error: unknown): void => report.add(pathOf(path), error);
  for await (const { node, stat, path } of walk(start, signal === undefined ? { onError } : { onError, signal })) {
    const archived = pathOf(path);
    if (archived.length === 0) continue;
    const hardLinkTo = links?.earlierName(stat, archived);
    if (hardLinkTo !== undefined) yield { ...common(stat, archived), size: 0, hardLinkTo };
    else {
      const entry = await describe(node, stat, archived, options);
      if (entry !== undefined) yield entry;
      else links?.forget(stat);
    }
  }
}

function common(stat: TreeStat, path: Uint8Array): Omit<ArchiveEntry, "size"> {
  const { type, mode, uid, gid, mtime, atime, ctime, links, device } = stat;
  const known = { path, type, mode, uid, gid, mtime, atime, ctime, links };
  return device === undefined ? known : { ...known, device };
}

async function describe(
  node: TreeNode,
  stat: TreeStat,
  path: Uint8Array,
  { report, signal, xattrs }: ArchiveEntriesOptions,
): Promise<ArchiveEntry | undefined> {
  const attributes = xattrs === false ? [] : await attributesOf(node, path, report, signal);
  const known = { ...common(stat, path), ...(attributes.length === 0 ? {} : { xattrs: attributes }) };
  if (stat.type === "file") return { ...known, size: stat.size, open: () => node.open(signal) };
  if (stat.type !== "symlink") return { ...known, size: 0 };
  try {
    return { ...known, size: 0, linkTarget: await node.readLink(signal) };
  } catch (error) {
    signal?.throwIfAborted();
    report.add(path, error);
    return undefined;
  }
}

/** A file without its attributes is better than no file, as long as it is said. */
async function attributesOf(
  node: TreeNode,
  path: Uint8Array,
  report: ArchiveReport,
  signal?: AbortSignal,
): Promise<readonly ExtendedAttribute[]> {
  try {
    return await node.xattrs(signal);
  } catch (error) {
    signal?.throwIfAborted();
    report.add(path, `archived without its extended attributes: ${describeError(error)}`);
    return [];
  }
}

/** Which file was archived under which name, as long as more of its names may come. */
class HardLinks {
  readonly #names = new Map<string, { readonly path: Uint8Array; left: number }>();

  /** The first name of the same file, if there was one; else remembers this one. */
  earlierName(stat: TreeStat, path: Uint8Array): Uint8Array | undefined {
    if (stat.links < 2 || stat.type === "directory") return undefined;
    const known = this.#names.get(stat.identity);
    if (known === undefined) {
      if (this.#names.size < LINKED_FILES_KEPT) this.#names.set(stat.identity, { path, left: stat.links - 1 });
      return undefined;
    }
    known.left--;
    if (known.left === 0) this.#names.delete(stat.identity);
    return known.path;
  }

  forget(stat: TreeStat): void {
    this.#names.delete(stat.identity);
  }
}
