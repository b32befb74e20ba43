/** The top of a Windows machine: one directory for each drive letter, on which that drive's file system is mounted. */
import { displayName, nameFromText, nameKey } from "../../../bytes/byte-name.ts";
import { PathError } from "../../../errors.ts";
import type { SparseSource } from "../../../source/byte-source.ts";
import type {
  DirectoryEntry,
  ExtendedAttribute,
  FileSystem,
  FileSystemInfo,
  NodeId,
  NodeStat,
  ReadDirectoryOptions,
} from "../../filesystem/file-system.ts";

const ROOT: NodeId = 0;

/** The letters are nodes 1 and up, in the order given. Whatever the case, `c` is found as `C`. */
export class DriveLetters implements FileSystem {
  readonly root = ROOT;
  readonly #letters: readonly string[];
  readonly #stat: NodeStat;

  /** @param system root directory of the drive that holds Windows; lends its times and owner */
  constructor(letters: readonly string[], system: NodeStat) {
    this.#letters = letters;
    this.#stat = { ...system, node: ROOT, type: "directory", mode: 0o555, size: 0, allocated: 0, links: 2 };
  }

  info(): FileSystemInfo {
    const consistency = { state: "clean", detail: "made from the registry's drive letters" } as const;
    return { type: "drives", blockSize: 512, size: 0, features: [], consistency, warnings: [] };
  }

  async lookup(directory: NodeId, name: Uint8Array): Promise<DirectoryEntry | undefined> {
    const letter = nameKey(name).toUpperCase();
    return this.#entries(directory).find((entry) => nameKey(entry.name) === letter);
  }

  async *readDirectory(
    directory: NodeId,
    options: ReadDirectoryOptions = {},
  ): AsyncIterable<readonly DirectoryEntry[]> {
    const left = this.#entries(directory).filter(({ cursor }) => cursor > (options.after ?? 0));
    if (left.length > 0) yield left;
  }

  async stat(node: NodeId): Promise<NodeStat> {
    if (node < ROOT || node > this.#letters.length) throw this.#failure("not-found", node);
    return { ...this.#stat, node };
  }

  async readLink(node: NodeId): Promise<Uint8Array> {
    throw this.#failure("not-a-symlink", node);
  }

  async openFile(node: NodeId): Promise<SparseSource> {
    throw this.#failure("is-a-directory", node);
  }

  async xattrs(): Promise<readonly ExtendedAttribute[]> {
    return [];
  }

  async close(): Promise<void> {}

  #entries(directory: NodeId): DirectoryEntry[] {
    if (directory !== ROOT) return [];
    return this.#letters.map((letter, index) => ({
      name: nameFromText(letter),
      node: index + 1,
      type: "directory",
      cursor: index + 1,
    }));
  }

  #failure(failure: PathError["failure"], node: NodeId): PathError {
    return new PathError(failure, displayName(nameFromText(this.#letters[node - 1] ?? "/")));
  }
}
