import { type BigIntStats, constants } from "node:fs";
import { lstat, open, opendir, readlink } from "node:fs/promises";
import { compareBytes, nameKey } from "../../../src/bytes/byte-name.ts";
import type {
  DirectoryEntry,
  ExtendedAttribute,
  FileSystem,
  FileSystemInfo,
  FileType,
  NodeId,
  NodeStat,
} from "../../../src/disk/filesystem/file-system.ts";
import type { Extent, SparseSource } from "../../../src/source/byte-source.ts";

const TYPES: ReadonlyMap<bigint, FileType> = new Map([
  [0o100000n, "file"],
  [0o040000n, "directory"],
  [0o120000n, "symlink"],
  [0o010000n, "fifo"],
  [0o140000n, "socket"],
  [0o020000n, "character-device"],
  [0o060000n, "block-device"],
]);

/**
 * A directory of this machine as if it were a guest's file system, so that what clients fetch can be
 * compared with the files themselves. Tests of protocols only; disk readers have their own oracles.
 */
export class HostFileSystem implements FileSystem {
  readonly root: NodeId = 0;
  readonly #paths: Buffer[];
  readonly #ids = new Map<string, NodeId>();

  constructor(directory: string) {
    this.#paths = [Buffer.from(directory)];
  }

  info(): FileSystemInfo {
    const consistency = { state: "clean", detail: "clean" } as const;
    return { type: "host", blockSize: 4096, size: 1 << 30, features: [], consistency, warnings: [] };
  }

  async lookup(directory: NodeId, name: Uint8Array): Promise<DirectoryEntry | undefined> {
    try {
      const path = this.#join(directory, name);
      const stat = await lstat(path, { bigint: true });
      return { name, node: this.#id(path), type: typeOf(stat), cursor: 0 };
    } catch {
      return undefined;
    }
  }

  async *readDirectory(directory: NodeId): AsyncIterable<readonly DirectoryEntry[]> {
    const entries: DirectoryEntry[] = [];
    for await (const entry of await opendir(this.#path(directory), { encoding: "buffer" as BufferEncoding })) {
      const name = entry.name as unknown as Buffer;
      entries.push({ name, node: this.#id(this.#join(directory, name)), type: "unknown", cursor: entries.length });
    }
    entries.sort((left, right) => compareBytes(left.name, right.name));
    for (let index = 0; index < entries.length; index += 100) yield entries.slice(index, index + 100);
  }

  async stat(node: NodeId): Promise<NodeStat> {
    const stat = await lstat(this.#path(node), { bigint: true });
    return {
      node,
      type: typeOf(stat),
      mode: Number(stat.mode & 0o7777n),
      uid: Number(stat.uid),
      gid: Number(stat.gid),
      size: Number(stat.size),
      allocated: Number(stat.blocks) * 512,
      links: Number(stat.nlink),
      mtime: stat.mtimeNs,
      atime: stat.atimeNs,
      ctime: stat.ctimeNs,
    };
  }

  readLink(node: NodeId): Promise<Uint8Array> {
    return readlink(this.#path(node), { encoding: "buffer" });
  }

  async openFile(node: NodeId): Promise<SparseSource> {
    return HostFileSource.open(this.#path(node));
  }

  async xattrs(): Promise<readonly ExtendedAttribute[]> {
    return [];
  }

  async close(): Promise<void> {}

  #path(node: NodeId): Buffer {
    const path = this.#paths[node];
    if (path === undefined) throw new Error(`no node ${node}`);
    return path;
  }

  #join(directory: NodeId, name: Uint8Array): Buffer {
    return Buffer.concat([this.#path(directory), Buffer.from("/"), name]);
  }

  #id(path: Buffer): NodeId {
    const key = nameKey(path);
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const id = this.#paths.push(path) - 1;
    this.#ids.set(key, id);
    return id;
  }
}

function typeOf(stat: BigIntStats): FileType {
  return TYPES.get(stat.mode & 0o170000n) ?? "unknown";
}

class HostFileSource implements SparseSource {
  readonly size: number;
  readonly #file: Awaited<ReturnType<typeof open>>;

  private constructor(file: Awaited<ReturnType<typeof open>>, size: number) {
    this.#file = file;
    this.size = size;
  }

  static async open(path: Buffer): Promise<HostFileSource> {
    const file = await open(path, constants.O_RDONLY);
    return new HostFileSource(file, (await file.stat()).size);
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const { bytesRead, buffer } = await this.#file.read(Buffer.allocUnsafe(length), 0, length, offset);
    if (bytesRead !== length) throw new Error("short read");
    return buffer;
  }

  async *extents(from = 0): AsyncIterable<Extent> {
    if (from < this.size) yield { offset: from, length: this.size - from, kind: "data" };
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
