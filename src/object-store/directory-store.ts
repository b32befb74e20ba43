import { constants, type Dirent } from "node:fs";
import { type FileHandle, open, readdir, realpath, stat } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { SourceError } from "../errors.ts";
import { ObjectNotFoundError } from "./object-not-found-error.ts";
import type { GetOptions, ListedItem, ListOptions, ObjectStore, ObjectSummary } from "./object-store.ts";
import { ObjectTooShortError } from "./object-too-short-error.ts";

/** Bytes per chunk of `stream`. */
const STREAM_CHUNK = 256 * 1024;

/**
 * A folder as a bucket: keys are relative paths. Never opens anything for writing and never leaves the
 * folder: keys with `..` are refused, and so are symbolic links that lead out of it.
 */
export class DirectoryStore implements ObjectStore {
  readonly name: string;
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
    this.name = pathToFileURL(root).href;
  }

  /** @throws SourceError when there is no such folder. */
  static async open(directory: string): Promise<DirectoryStore> {
    try {
      const root = await realpath(directory);
      if ((await stat(root)).isDirectory()) return new DirectoryStore(root);
    } catch (error) {
      throw new SourceError(`${directory}: cannot be opened (${codeOf(error)})`, { retryable: false, cause: error });
    }
    throw new SourceError(`${directory}: is not a directory`, { retryable: false });
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncIterable<ListedItem> {
    const slash = prefix.lastIndexOf("/");
    const folder = prefix.slice(0, slash + 1);
    // No key of a folder has such a prefix.
    if (folder !== "" && !isKey(folder.slice(0, -1))) return;
    const after = options.after === undefined ? undefined : Buffer.from(options.after);
    for await (const item of this.#listFolder(folder, prefix, options)) {
      const key = item.type === "object" ? item.key : item.prefix;
      if (after === undefined || Buffer.compare(Buffer.from(key), after) > 0) yield item;
    }
  }

  /** @param folder "" or a key that ends in a slash; what is yielded starts with `prefix` */
  async *#listFolder(folder: string, prefix: string, options: ListOptions): AsyncIterable<ListedItem> {
    options.signal?.throwIfAborted();
    for (const child of await this.#children(folder)) {
      const key = folder + child.name;
      if (child.isFolder) {
        const inside = `${key}/`;
        if (!inside.startsWith(prefix) && !prefix.startsWith(inside)) continue;
        if (options.delimiter === undefined) yield* this.#listFolder(inside, prefix, options);
        else if (await this.#holdsObjects(inside, options)) yield { type: "prefix", prefix: inside };
      } else if (key.startsWith(prefix)) {
        const summary = await this.head(key);
        if (summary !== undefined) yield { type: "object", ...summary };
      }
    }
  }

  /** In the order of their keys, where a folder's name counts with its slash. */
  async #children(folder: string): Promise<{ name: string; isFolder: boolean }[]> {
    const directory = await this.#resolve(folder);
    if (directory === undefined) return [];
    let entries: Dirent[];
    try {
      entries = await readdir(directory, { withFileTypes: true });
    } catch (error) {
      if (isAbsence(error)) return [];
      throw this.#failure(folder, error);
    }
    const children: { name: string; isFolder: boolean; order: Buffer }[] = [];
    for (const entry of entries) {
      const kind = entry.isSymbolicLink() ? await this.#linkKind(folder, entry.name) : kindOf(entry);
      if (kind === undefined) continue;
      const isFolder = kind === "folder";
      children.push({ name: entry.name, isFolder, order: Buffer.from(isFolder ? `${entry.name}/` : entry.name) });
    }
    return children.sort((left, right) => Buffer.compare(left.order, right.order));
  }

  /** Undefined for links that lead nowhere, out of the store, or to a folder they are in themselves. */
  async #linkKind(folder: string, name: string): Promise<"folder" | "object" | undefined> {
    const target = await this.#resolve(folder + name).catch(() => undefined);
    const parent = await this.#resolve(folder);
    if (target === undefined || parent === undefined) return undefined;
    if (`${parent}${path.sep}`.startsWith(`${target}${path.sep}`)) return undefined;
    return kindOf(await stat(target));
  }

  async #holdsObjects(folder: string, options: ListOptions): Promise<boolean> {
    const everything: ListOptions = options.signal === undefined ? {} : { signal: options.signal };
    for await (const _item of this.#listFolder(folder, folder, everything)) return true;
    return false;
  }

  async head(key: string, signal?: AbortSignal): Promise<ObjectSummary | undefined> {
    signal?.throwIfAborted();
    const file = await this.#resolve(key);
    if (file === undefined) return undefined;
    try {
      const found = await stat(file);
      return found.isFile() ? { key, size: found.size, modified: found.mtime } : undefined;
    } catch (error) {
      if (isAbsence(error)) return undefined;
      throw this.#failure(key, error);
    }
  }

  async get(key: string, options: GetOptions = {}): Promise<Uint8Array> {
    options.signal?.throwIfAborted();
    return await this.#withFile(key, async (file, size) => {
      const { start, length } = options.range ?? { start: 0, length: size };
      if (start + length > size) throw new ObjectTooShortError(this.name, key, { start, length });
      const bytes = Buffer.allocUnsafeSlow(length);
      for (let done = 0; done < length; ) {
        const { bytesRead } = await file.read(bytes, done, length - done, start + done);
        if (bytesRead === 0) throw new ObjectTooShortError(this.name, key, { start, length });
        done += bytesRead;
      }
      return bytes;
    });
  }

  async *stream(key: string, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    const summary = await this.head(key, signal);
    if (summary === undefined) throw new ObjectNotFoundError(this.name, key);
    const common = signal === undefined ? {} : { signal };
    for (let start = 0; start < summary.size; start += STREAM_CHUNK) {
      const length = Math.min(STREAM_CHUNK, summary.size - start);
      yield await this.get(key, { ...common, range: { start, length } });
    }
  }

  async close(): Promise<void> {}

  async #withFile<Result>(key: string, work: (file: FileHandle, size: number) => Promise<Result>): Promise<Result> {
    const file = await this.#resolve(key);
    if (file === undefined) throw new ObjectNotFoundError(this.name, key);
    let handle: FileHandle | undefined;
    try {
      // Without O_NONBLOCK, opening a named pipe would wait for its writer.
      handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
      const found = await handle.stat();
      if (!found.isFile()) throw new ObjectNotFoundError(this.name, key);
      return await work(handle, found.size);
    } catch (error) {
      if (error instanceof SourceError) throw error;
      if (isAbsence(error)) throw new ObjectNotFoundError(this.name, key);
      throw this.#failure(key, error);
    } finally {
      await handle?.close();
    }
  }

  /**
   * Where the key's file really is, or undefined when there is none.
   * @throws SourceError when that is outside the store's folder.
   */
  async #resolve(key: string): Promise<string | undefined> {
    const trimmed = key.replace(/\/$/, "");
    if (trimmed !== "" && !isKey(trimmed))
      throw new SourceError(`${this.name}: not a key: ${JSON.stringify(key)}`, { retryable: false });
    let target: string;
    try {
      target = await realpath(path.join(this.#root, trimmed));
    } catch (error) {
      if (isAbsence(error)) return undefined;
      throw this.#failure(key, error);
    }
    const relative = path.relative(this.#root, target);
    if (relative === ".." || relative.startsWith(`..${path.sep}`) || path.isAbsolute(relative)) {
      throw new SourceError(`${this.name}: ${key} is a symbolic link that leads out of the directory`, {
        retryable: false,
      });
    }
    return target;
  }

  #failure(key: string, error: unknown): SourceError {
    return new SourceError(`${this.name}: ${key} cannot be read (${codeOf(error)})`, {
      retryable: false,
      cause: error,
    });
  }
}

/** Undefined for what is neither: sockets, pipes, devices. */
function kindOf(found: { isDirectory(): boolean; isFile(): boolean }): "folder" | "object" | undefined {
  if (found.isDirectory()) return "folder";
  return found.isFile() ? "object" : undefined;
}

/** Keys are relative paths of plain names. */
function isKey(key: string): boolean {
  return !key.includes("\0") && key.split("/").every((name) => name !== "" && name !== "." && name !== "..");
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}

function isAbsence(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR", "ENAMETOOLONG", "ELOOP"].includes(codeOf(error));
}
