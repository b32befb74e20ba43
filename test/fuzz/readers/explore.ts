/** Uses a reader as its callers do, within bounds, whatever the image says. */
import type { DirectoryEntry, FileSystem, NodeId } from "../../../src/disk/filesystem/file-system.ts";
import { VmfrError } from "../../../src/errors.ts";
import type { ByteSource, SparseSource } from "../../../src/source/byte-source.ts";

const MOST_ENTRIES = 60;
const MOST_OF_DIRECTORY = 1000;
const MOST_EXTENTS = 300;
const READ = 4096;

/** Runs what may be refused by name; anything else that it throws is a bug. */
export async function allowed<Result>(work: () => Promise<Result> | Result): Promise<Result | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof VmfrError) return undefined;
    throw error;
  }
}

async function readEnds(source: ByteSource): Promise<void> {
  const { size } = source;
  if (!Number.isSafeInteger(size) || size < 0) throw new Error(`a source has ${size} bytes`);
  for (const offset of new Set([0, Math.floor(size / 2), Math.max(0, size - READ)])) {
    const length = Math.min(READ, size - offset);
    const bytes = await allowed(() => source.read(offset, length));
    if (bytes !== undefined && bytes.length !== length) throw new Error(`${bytes.length} bytes instead of ${length}`);
  }
}

async function followExtents(source: SparseSource): Promise<void> {
  let position = 0;
  let count = 0;
  for await (const { offset, length } of source.extents()) {
    if (offset !== position || length <= 0) throw new Error(`extent ${offset}+${length} after ${position}`);
    position += length;
    if (++count === MOST_EXTENTS) return;
  }
}

export async function exploreSource(source: ByteSource): Promise<void> {
  await readEnds(source);
  const { extents } = source;
  if (extents !== undefined) await allowed(() => followExtents(source as SparseSource));
}

async function exploreNode(fileSystem: FileSystem, node: NodeId): Promise<void> {
  const stat = await allowed(() => fileSystem.stat(node));
  await allowed(() => fileSystem.xattrs(node));
  if (stat?.type === "symlink") await allowed(() => fileSystem.readLink(node));
  const source = await allowed(() => fileSystem.openFile(node));
  if (source !== undefined) await exploreSource(source);
  const streams = await allowed(async () => fileSystem.streams?.(node));
  for (const { name } of streams?.slice(0, 5) ?? []) {
    const stream = await allowed(async () => fileSystem.openStream?.(node, name));
    if (stream !== undefined) await exploreSource(stream);
  }
}

async function exploreDirectory(fileSystem: FileSystem, node: NodeId): Promise<readonly DirectoryEntry[]> {
  const entries: DirectoryEntry[] = [];
  await allowed(async () => {
    for await (const batch of fileSystem.readDirectory(node)) {
      entries.push(...batch);
      if (entries.length > MOST_OF_DIRECTORY) return;
    }
  });
  const [first] = entries;
  for (const name of [first?.name, entries.at(-1)?.name, Buffer.from("not there")]) {
    if (name !== undefined) await allowed(() => fileSystem.lookup(node, name));
  }
  if (first !== undefined) {
    const rest = fileSystem.readDirectory(node, { after: first.cursor });
    await allowed(() => rest[Symbol.asyncIterator]().next());
  }
  return entries;
}

/** Everything a file system offers, for its first entries. */
export async function exploreFileSystem(fileSystem: FileSystem): Promise<void> {
  fileSystem.info();
  const pending: NodeId[] = [fileSystem.root];
  for (let seen = 0; seen < MOST_ENTRIES; seen++) {
    const node = pending.shift();
    if (node === undefined) break;
    await exploreNode(fileSystem, node);
    const entries = await exploreDirectory(fileSystem, node);
    pending.push(...entries.slice(0, MOST_ENTRIES).map((entry) => entry.node));
  }
  await fileSystem.close();
}
