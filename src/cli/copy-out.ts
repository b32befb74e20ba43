import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { chmod, lchown, link, lstat, mkdir, open, readdir, rename, rm, symlink, utimes } from "node:fs/promises";
import { displayName } from "../bytes/byte-name.ts";
import { ConfigError, UnsupportedFeatureError } from "../errors.ts";
import type { TreeNode, TreeStat } from "../restore-tree/tree-node.ts";
import { type WalkEntry, walk } from "../restore-tree/walk.ts";
import type { SparseSource } from "../source/byte-source.ts";
import type { Progress } from "./progress.ts";
import type { Report } from "./report.ts";
import { copySparsely } from "./sparse-copy.ts";

export interface CopyOptions {
  /** Replace files that are there; directories are merged either way. */
  readonly force: boolean;
  /** Give files their owners; only root can. */
  readonly keepOwner: boolean;
}

/** Hard links beyond this many are copied as files of their own: correct, only larger. */
const LINKS_REMEMBERED = 100_000;

/**
 * Copies guest files onto the local disk. Names from the guest become single path components below the
 * destination and nothing else: a symlink that came out of the guest, or lay there before, is never walked through.
 */
export class CopyOut {
  readonly #options: CopyOptions;
  readonly #report: Report;
  readonly #progress: Progress;
  readonly #links = new Map<string, Buffer>();
  /** Directories being filled, outermost first; their times are set when they are left, or filling would change them. */
  readonly #open: { readonly path: Buffer; readonly depth: number; readonly stat: TreeStat }[] = [];

  constructor(options: CopyOptions, report: Report, progress: Progress) {
    this.#options = options;
    this.#report = report;
    this.#progress = progress;
  }

  /** Copies `start` to `destination`, its parent must exist. What cannot be copied is reported and left out. */
  async copy(start: TreeNode, destination: Buffer): Promise<void> {
    for await (const entry of walk(start, { onError: (_path, error) => this.#report.fail(error) })) {
      await this.#leaveUpTo(entry.depth);
      const path = entry.path.length === 0 ? destination : join(destination, entry.path);
      try {
        await this.#copyEntry(entry, path);
        if (entry.stat.type !== "directory") this.#report.succeed();
      } catch (error) {
        this.#report.fail(error);
      }
    }
    await this.#leaveUpTo(0);
  }

  async #copyEntry({ node, stat, depth }: WalkEntry, path: Buffer): Promise<void> {
    switch (stat.type) {
      case "directory":
        await makeDirectory(path);
        this.#open.push({ path, depth, stat });
        return;
      case "symlink":
        await this.#makeRoom(path);
        await symlink(Buffer.from(await node.readLink()), path);
        if (this.#options.keepOwner) await lchown(path, stat.uid, stat.gid);
        return;
      case "file":
        return this.#copyFile(node, stat, path);
      default:
        throw new UnsupportedFeatureError(
          displayName(node.path),
          [`copying a ${stat.type} as a file`],
          "--format tar keeps it",
        );
    }
  }

  async #copyFile(node: TreeNode, stat: TreeStat, path: Buffer): Promise<void> {
    await this.#makeRoom(path);
    const twin = this.#links.get(stat.identity);
    if (twin !== undefined) return link(twin, path);
    const source = await node.open();
    // Under another name until it is whole: what has the file's name is the file.
    const partial = join(
      path.subarray(0, Math.max(path.lastIndexOf("/"), 0)),
      Buffer.from(`.vmfr-${randomBytes(8).toString("hex")}.part`),
    );
    try {
      await this.#write(source, partial);
      await applyMetadata(partial, stat, this.#options.keepOwner);
      await rename(partial, path);
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    } finally {
      await source.close();
    }
    if (stat.links > 1 && this.#links.size < LINKS_REMEMBERED) this.#links.set(stat.identity, path);
  }

  async #write(source: SparseSource, path: Buffer): Promise<void> {
    const file = await open(
      path,
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
      0o600,
    );
    try {
      await copySparsely(source, file, this.#progress);
    } finally {
      await file.close();
    }
  }

  /** @throws ConfigError when something is in the way that may not, or cannot, be replaced. */
  async #makeRoom(path: Buffer): Promise<void> {
    const existing = await lstat(path).catch(() => undefined);
    if (existing === undefined) return;
    if (existing.isDirectory()) throw new ConfigError(`${displayName(path)} is a directory and in the way`);
    if (!this.#options.force) throw new ConfigError(`${displayName(path)} is already there; --force overwrites it`);
    await rm(path);
  }

  async #leaveUpTo(depth: number): Promise<void> {
    for (let last = this.#open.at(-1); last !== undefined && last.depth >= depth; last = this.#open.at(-1)) {
      this.#open.pop();
      await applyMetadata(last.path, last.stat, this.#options.keepOwner).catch((error) => this.#report.fail(error));
    }
  }
}

/** Directory and file names with a slash between; bytes throughout. */
export function join(directory: Uint8Array, name: Uint8Array): Buffer {
  if (directory.length === 0) return Buffer.from(name);
  return Buffer.concat([directory, Buffer.from(directory.at(-1) === 0x2f ? "" : "/"), name]);
}

async function makeDirectory(path: Buffer): Promise<void> {
  try {
    // Only the owner may look inside until its real mode is set.
    await mkdir(path, 0o700);
  } catch (cause) {
    const existing = await lstat(path).catch(() => undefined);
    if (existing?.isDirectory() !== true)
      throw new ConfigError(`${displayName(path)} cannot be made a directory`, { cause });
    // A directory that cannot be listed cannot be merged into either.
    await readdir(path);
  }
}

/** Setuid and setgid survive only together with the owner they were meant for. */
async function applyMetadata(path: Buffer, stat: TreeStat, keepOwner: boolean): Promise<void> {
  if (keepOwner) await lchown(path, stat.uid, stat.gid);
  await chmod(path, keepOwner ? stat.mode : stat.mode & 0o1777);
  await utimes(path, Number(stat.atime) / 1e9, Number(stat.mtime) / 1e9);
}
