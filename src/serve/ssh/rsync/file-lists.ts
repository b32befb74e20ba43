/** The file lists of a transfer: one for everything, or one for every directory as the client gets to it; flist.c. */
import { CorruptDataError } from "../../../errors.ts";
import { readSequentially } from "../sequential-read.ts";
import { AclSender } from "./acl.ts";
import { EntryEncoder } from "./entry-encoder.ts";
import { type FileEntry, isDirectory, sortEntries } from "./file-entry.ts";
import { EntryCollection, type FileScanner } from "./file-scanner.ts";
import type { FilterList } from "./filter-list.ts";
import type { Agreement } from "./handshake.ts";
import { EntryFlag, FileIndex, Message } from "./protocol.ts";
import type { ServerOptions } from "./server-options.ts";
import type { TransferReport } from "./transfer-report.ts";
import type { WireWriter } from "./wire-writer.ts";
import { XattrSender } from "./xattrs.ts";

/** Entries the client has not got to yet, below which the next list is sent. */
const LOOKAHEAD = 1000;

export interface FileListsScope {
  readonly scanner: FileScanner;
  readonly writer: WireWriter;
  readonly options: ServerOptions;
  readonly agreement: Agreement;
  readonly report: TransferReport;
  readonly filters: FilterList;
  readonly signal: AbortSignal;
}

interface FileList {
  /** Index of the first entry. */
  readonly start: number;
  readonly entries: readonly FileEntry[];
  /** The directory these are in; it has the index before the first. */
  readonly parent?: FileEntry;
}

interface PendingDirectory {
  readonly entry: FileEntry;
  /** Place among all directories, in the order their lists were sent. */
  readonly number: number;
}

export class FileLists {
  readonly xattrs: XattrSender;
  readonly #scope: FileListsScope;
  readonly #encoder: EntryEncoder;
  readonly #acls: AclSender;
  /** Those the client is not done with. */
  readonly #open: FileList[] = [];
  /** Directories whose lists are to come, the next one last. */
  readonly #pending: PendingDirectory[] = [];
  #directories = 0;
  #nextIndex: number;
  #current = 0;
  #isComplete = false;
  #totalSize = 0;

  constructor(scope: FileListsScope) {
    const { writer, options, agreement, filters } = scope;
    this.#scope = scope;
    this.#encoder = new EntryEncoder(writer, options, agreement);
    this.#acls = new AclSender(writer);
    this.xattrs = new XattrSender(writer, { includesOwn: options.ownXattrs, filters });
    this.#nextIndex = agreement.isIncremental ? 1 : 0;
  }

  /** Bytes of all files and link targets listed so far. */
  get totalSize(): number {
    return this.#totalSize;
  }

  /** @returns false when there is nothing to transfer. */
  async sendFirst(paths: readonly string[]): Promise<boolean> {
    const { scanner, agreement, writer, options, report } = this.#scope;
    const collection = new EntryCollection();
    for (const path of paths) {
      await scanner.addArgument(collection, path);
      await this.#expand(collection);
    }
    const entries = sortEntries(collection.entries, agreement.version);
    const dot = entries[0]?.name === "." ? entries[0] : undefined;
    await this.#sendList(entries, agreement.isIncremental ? dot : undefined, report.ioErrors);
    if (!agreement.isIncremental) {
      if (!options.numericIds) this.#sendIdLists();
      this.#isComplete = true;
    }
    if (agreement.version < 30) writer.int32(options.ignoreErrors ? 0 : report.ioErrors);
    else if (!agreement.hasSafeFileList && report.ioErrors !== 0) {
      writer.numberMessage(Message.IO_ERROR, report.ioErrors);
    }
    if (agreement.isIncremental) this.#endWhenComplete();
    return entries.length > 0;
  }

  /** Keeps the client's list of what is to come long enough; does nothing without incremental recursion. */
  async sendAhead(): Promise<void> {
    const { writer, scanner, report } = this.#scope;
    while (!this.#isComplete && this.#ahead() < LOOKAHEAD) {
      const next = this.#pending.pop();
      if (next === undefined) break;
      const errorsBefore = report.ioErrors;
      writer.fileIndex(FileIndex.LIST_OFFSET - next.number);
      const collection = new EntryCollection();
      for (const source of next.entry.sources) await scanner.addChildren(collection, next.entry, source);
      const entries = sortEntries(collection.entries, this.#scope.agreement.version);
      await this.#sendList(entries, next.entry, report.ioErrors === errorsBefore ? 0 : report.ioErrors);
      next.entry.sources = [];
      this.#endWhenComplete();
    }
  }

  /** The entry a client asks for by its index, or the directory before a list's first. @throws CorruptDataError for none. */
  find(index: number): FileEntry {
    for (const [position, list] of this.#open.entries()) {
      const entry = index === list.start - 1 ? list.parent : list.entries[index - list.start];
      if (entry === undefined) continue;
      this.#current = Math.max(this.#current, position);
      return entry;
    }
    throw new CorruptDataError({ format: "rsync", structure: "request" }, `there is no file ${index}`);
  }

  /** The client is done with its first list. @returns false when it had none left. */
  finishList(): boolean {
    if (!this.#scope.agreement.isIncremental || this.#open.shift() === undefined) return false;
    this.#current = Math.max(0, this.#current - 1);
    return this.#open.length > 0;
  }

  #ahead(): number {
    return this.#open.slice(this.#current + 1).reduce((sum, { entries }) => sum + entries.length, 0);
  }

  /** Lists what the collection still waits for: one level of the arguments, or without incremental recursion all. */
  async #expand(collection: EntryCollection): Promise<void> {
    const { scanner, agreement } = this.#scope;
    const pending = collection.pending;
    if (agreement.isIncremental) {
      const arguments_ = pending.splice(0).filter(({ entry }) => entry.isTop && isDotName(entry.name));
      for (const { entry, source } of arguments_) await scanner.addChildren(collection, entry, source);
      pending.length = 0;
      return;
    }
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      await scanner.addChildren(collection, next.entry, next.source);
      next.entry.sources = next.entry.sources.filter((source) => source !== next?.source);
    }
  }

  async #sendList(entries: readonly FileEntry[], parent: FileEntry | undefined, ioErrors: number): Promise<void> {
    const { agreement, options, writer } = this.#scope;
    const start = this.#nextIndex;
    this.#open.push({ start, entries, ...(parent === undefined ? {} : { parent }) });
    this.#nextIndex += entries.length + (agreement.isIncremental ? 1 : 0);
    for (const [position, entry] of entries.entries()) {
      await this.#sendEntry(entry, start + position, start);
      await writer.drainWhenFull();
    }
    this.#endList(options.ignoreErrors ? 0 : ioErrors);
    if (!agreement.isIncremental) return;
    const directories: PendingDirectory[] = [];
    for (const entry of entries) {
      if (!isDirectory(entry)) continue;
      const number = this.#directories++;
      if (!isDotName(entry.name)) directories.push({ entry, number });
    }
    for (const directory of directories.reverse()) this.#pending.push(directory);
  }

  async #sendEntry(entry: FileEntry, index: number, listStart: number): Promise<void> {
    const { options, signal, report, agreement } = this.#scope;
    const checksum = options.checksum ? await this.#checksum(entry) : undefined;
    const needsAttributes = options.acls || options.xattrs;
    let attributes: Awaited<ReturnType<FileEntry["node"]["xattrs"]>> = [];
    if (needsAttributes && entry.stat !== undefined) {
      try {
        attributes = await entry.node.xattrs(signal);
      } catch (error) {
        signal.throwIfAborted();
        report.failed(entry.name, error);
      }
    }
    this.#encoder.encode(entry, { index, listStart, ...(checksum === undefined ? {} : { checksum }) });
    const type = entry.stat?.type;
    if (type === "file" || type === "symlink") this.#totalSize += entry.stat?.size ?? 0;
    if (agreement.version < 30) return;
    if (options.acls && type !== "symlink") this.#acls.send(attributes, entry.stat?.mode ?? 0, type === "directory");
    if (options.xattrs) this.xattrs.send(attributes);
  }

  /** A file that cannot be read gets a checksum no file has; it is asked for, and the failure told then. */
  async #checksum(entry: FileEntry): Promise<Uint8Array> {
    const { signal, agreement, writer } = this.#scope;
    const { contentChecksum } = agreement;
    if (entry.stat?.type !== "file") return new Uint8Array(contentChecksum.length);
    try {
      const source = await entry.node.open(signal);
      try {
        const running = contentChecksum.ofContent();
        for await (const piece of readSequentially(source, signal)) running.update(piece);
        return running.digest();
      } finally {
        await source.close();
        await writer.drainWhenFull();
      }
    } catch {
      signal.throwIfAborted();
      return new Uint8Array(contentChecksum.length);
    }
  }

  #endList(ioErrors: number): void {
    const { writer, agreement } = this.#scope;
    if (agreement.hasVarintFlags) {
      writer.varint(0);
      writer.varint(ioErrors);
    } else if (ioErrors !== 0 && agreement.hasSafeFileList && agreement.version >= 30) {
      writer.int16(EntryFlag.EXTENDED_FLAGS | EntryFlag.IO_ERROR_END_OF_LIST);
      writer.varint(ioErrors);
    } else writer.byte(0);
  }

  /** Guests' numbers have no names here that clients could map: empty lists. */
  #sendIdLists(): void {
    const { writer, options, agreement } = this.#scope;
    for (const isWanted of [options.owner || options.acls, options.group || options.acls]) {
      if (!isWanted) continue;
      writer.varint30(0);
      if (agreement.hasId0Names) writer.byte(0);
    }
  }

  #endWhenComplete(): void {
    if (this.#isComplete || this.#pending.length > 0) return;
    this.#isComplete = true;
    this.#scope.writer.fileIndex(FileIndex.END_OF_LISTS);
  }
}

function isDotName(name: string): boolean {
  return name === "." || name === "/.";
}
