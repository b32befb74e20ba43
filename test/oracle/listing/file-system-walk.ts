import { createHash } from "node:crypto";
import type { DirectoryEntry, FileSystem, NodeId, NodeStat } from "../../../src/disk/filesystem/file-system.ts";
import { VmfrError } from "../../../src/errors.ts";
import type { SparseSource } from "../../../src/source/byte-source.ts";
import { type Listing, type ListingEntry, WHOLE_HASH_LIMIT } from "./listing-entry.ts";

const CHUNK = 1024 * 1024;

const hex = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");

/** A part that vmfr refuses is recorded by the kind of its error; anything but a VmfrError is a bug and surfaces. */
function refusal(error: unknown): string {
  if (error instanceof VmfrError) return `${error.kind}: ${error.message}`;
  throw error;
}

async function dataRanges(source: SparseSource): Promise<[number, number][]> {
  const ranges: [number, number][] = [];
  let position = 0;
  for await (const extent of source.extents()) {
    if (extent.offset !== position || extent.length <= 0) {
      throw new Error(`extents are not contiguous: ${extent.offset}+${extent.length} after ${position}`);
    }
    position += extent.length;
    if (extent.kind === "hole") continue;
    const last = ranges.at(-1);
    if (last !== undefined && last[0] + last[1] === extent.offset) last[1] += extent.length;
    else ranges.push([extent.offset, extent.length]);
  }
  if (position !== source.size) throw new Error(`extents end at ${position}, the file at ${source.size}`);
  return ranges;
}

async function contentHash(source: SparseSource, ranges: readonly (readonly [number, number])[]): Promise<string> {
  const digest = createHash("sha256");
  const whole = source.size <= WHOLE_HASH_LIMIT;
  for (const [offset, length] of whole ? [[0, source.size] as const] : ranges) {
    if (!whole) digest.update(`${offset}:${length}\n`);
    for (let done = 0; done < length; done += CHUNK) {
      digest.update(await source.read(offset + done, Math.min(CHUNK, length - done)));
    }
  }
  return digest.digest("hex");
}

async function contentOf(fileSystem: FileSystem, node: NodeId, type: string): Promise<Partial<ListingEntry>> {
  try {
    if (type === "symlink") return { target: hex(await fileSystem.readLink(node)) };
    if (type !== "file") return {};
    const source = await fileSystem.openFile(node);
    try {
      const data = await dataRanges(source);
      return { data, sha256: await contentHash(source, data) };
    } finally {
      await source.close();
    }
  } catch (error) {
    return { contentError: refusal(error) };
  }
}

async function xattrsOf(fileSystem: FileSystem, node: NodeId): Promise<Partial<ListingEntry>> {
  try {
    const attributes = await fileSystem.xattrs(node);
    const pairs = attributes.map(({ name, value }) => [hex(name), hex(value)] as const);
    return { xattrs: pairs.toSorted(([left], [right]) => (left < right ? -1 : 1)) };
  } catch (error) {
    return { xattrsError: refusal(error) };
  }
}

/** What statx can tell; vmfr may show more. */
const STATX_FLAGS: readonly string[] = ["compressed", "immutable", "append-only", "encrypted", "verity"];

function metadataOf(stat: NodeStat, shownFlags = STATX_FLAGS): Omit<ListingEntry, "path"> {
  return {
    node: stat.node,
    type: stat.type,
    mode: stat.mode,
    uid: stat.uid,
    gid: stat.gid,
    size: stat.size,
    allocated: stat.allocated,
    links: stat.links,
    mtime: String(stat.mtime),
    atime: String(stat.atime),
    ctime: String(stat.ctime),
    ...(stat.birthtime === undefined ? {} : { birthtime: String(stat.birthtime) }),
    ...(stat.device === undefined ? {} : { device: `${stat.device.major}:${stat.device.minor}` }),
    flags: (stat.flags ?? []).filter((flag) => shownFlags.includes(flag)).toSorted(),
  };
}

async function childrenOf(fileSystem: FileSystem, directory: NodeId): Promise<DirectoryEntry[]> {
  const children: DirectoryEntry[] = [];
  for await (const batch of fileSystem.readDirectory(directory)) children.push(...batch);
  return children;
}

const statRefused = (node: NodeId, error: unknown): ListingEntry => ({
  path: "",
  ...metadataOf({
    node,
    type: "unknown",
    mode: 0,
    uid: 0,
    gid: 0,
    size: 0,
    allocated: 0,
    links: 0,
    mtime: 0n,
    atime: 0n,
    ctime: 0n,
  }),
  contentError: refusal(error),
});

export interface FileSystemWalkOptions {
  /** Called for every directory with all its entries, for further checks of the reader. */
  readonly onDirectory?: (node: NodeId, entries: readonly DirectoryEntry[]) => Promise<void>;
  /** Flags the reference knows too; default those of statx. */
  readonly flags?: readonly string[];
  /** Of entries of the same name, which only damage makes, the first counts; else they are an error. */
  readonly firstOfName?: boolean;
}

/** Walks one of vmfr's file systems from its root. Directories are entered once each path; depth ends at 4,096 bytes of path. */
export async function walkFileSystem(fileSystem: FileSystem, options: FileSystemWalkOptions = {}): Promise<Listing> {
  const listing = new Map<string, ListingEntry>();
  const pending: { path: string; node: NodeId }[] = [{ path: "", node: fileSystem.root }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { path, node } = next;
    if (options.firstOfName && listing.has(path)) continue;
    let entry: ListingEntry;
    try {
      const stat = await fileSystem.stat(node);
      entry = { path, ...metadataOf(stat, options.flags), ...(await xattrsOf(fileSystem, node)) };
      entry = { ...entry, ...(await contentOf(fileSystem, node, stat.type)) };
    } catch (error) {
      entry = { ...statRefused(node, error), path };
    }
    if (entry.type === "directory" && path.length < 8192) {
      try {
        const children = await childrenOf(fileSystem, node);
        const prefix = path === "" ? "" : `${path}2f`;
        const ordered = options.firstOfName ? children.toReversed() : children;
        for (const child of ordered) pending.push({ path: prefix + hex(child.name), node: child.node });
        await options.onDirectory?.(node, children);
      } catch (error) {
        entry = { ...entry, contentError: refusal(error) };
      }
    }
    if (listing.has(path)) throw new Error(`the name ${path} is listed twice`);
    listing.set(path, entry);
  }
  return listing;
}
