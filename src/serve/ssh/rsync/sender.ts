/** Answers the client's requests file by file, and says goodbye; sender.c, main.c. */
import { displayName } from "../../../bytes/byte-name.ts";
import { VmfrError } from "../../../errors.ts";
import type { ByteSource } from "../../../source/byte-source.ts";
import type { Logger } from "../../log.ts";
import { readSequentially } from "../sequential-read.ts";
import { type BlockSums, readBlockSums, writeBlockSumsHead } from "./block-sums.ts";
import type { RunningChecksum } from "./checksum.ts";
import { createCompressor, type PieceCompressor } from "./compression.ts";
import { sendDelta } from "./delta.ts";
import type { FileEntry } from "./file-entry.ts";
import type { FileLists } from "./file-lists.ts";
import type { Agreement } from "./handshake.ts";
import { BASIS_IS_FILE, FileIndex, ItemFlag, MAX_PATH, Message } from "./protocol.ts";
import type { ServerOptions } from "./server-options.ts";
import { createTokenWriter, type TokenWriter } from "./token-writer.ts";
import type { TransferReport } from "./transfer-report.ts";
import type { WireReader } from "./wire-reader.ts";
import type { WireWriter } from "./wire-writer.ts";
import { readXattrRequest } from "./xattrs.ts";

export interface SenderScope {
  readonly lists: FileLists;
  readonly reader: WireReader;
  readonly writer: WireWriter;
  readonly options: ServerOptions;
  readonly agreement: Agreement;
  readonly report: TransferReport;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** One request: a file's index, what is to be done with it, and what the client wants back with the answer. */
interface Request {
  readonly index: number;
  readonly flags: number;
  readonly basis: number;
  readonly extraName?: Uint8Array;
}

/** A request with what is read ahead for it. `done` ends a list or a phase. */
type Job =
  | { readonly kind: "done" }
  | { readonly kind: "echo"; readonly request: Request; readonly entry: FileEntry; readonly xattrs?: readonly number[] }
  | {
      readonly kind: "transfer";
      readonly request: Request;
      readonly entry: FileEntry;
      readonly xattrs?: readonly number[];
      readonly blocks: BlockSums;
      readonly isAppending: boolean;
      readonly opening: Promise<OpenedFile>;
    };

type Transfer = Extract<Job, { kind: "transfer" }>;

interface OpenedFile {
  readonly source: ByteSource;
  /** Of a small file, read as soon as it is open. */
  readonly content?: Uint8Array;
}

const DELETION_FIGURES = 5;
/** Files opened before it is their turn; hides what opening costs behind the sending of others. */
const JOBS_AHEAD = 16;
/** Bytes of checksums read ahead with them, beyond which they are answered first. */
const SUMS_AHEAD = 8 * 1024 * 1024;
const SMALL_FILE = 64 * 1024;

export class Sender {
  readonly #scope: SenderScope;
  readonly #compressor: PieceCompressor | undefined;

  constructor(scope: SenderScope) {
    this.#scope = scope;
    this.#compressor = createCompressor(scope.agreement.compression);
  }

  /** Serves requests until the client has no more. @throws CorruptDataError for a client that breaks the protocol. */
  async run(): Promise<void> {
    const { writer, agreement, report } = this.#scope;
    const errorsBefore = report.ioErrors;
    const jobs: Job[] = [];
    try {
      await this.#serve(jobs);
    } finally {
      await Promise.all(jobs.map(abandon));
    }
    if (report.ioErrors !== errorsBefore && agreement.version >= 30) {
      writer.numberMessage(Message.IO_ERROR, report.ioErrors);
    }
    writer.fileIndex(FileIndex.DONE);
    this.#sendStatistics();
    await this.#sayGoodbye();
    await writer.drain();
  }

  async #serve(jobs: Job[]): Promise<void> {
    const { lists, reader, writer, agreement } = this.#scope;
    const lastPhase = agreement.version >= 29 ? 2 : 1;
    for (let phase = 0; phase <= lastPhase; ) {
      // Behind the end of a list or phase may come something else than a request.
      while (jobs.length === 0 || (reader.hasData && hasRoom(jobs))) {
        await lists.sendAhead();
        jobs.push(await this.#nextJob(phase));
      }
      const job = jobs.shift();
      if (job?.kind === "transfer") await this.#transfer(job);
      else if (job?.kind === "echo") await this.#echo(job);
      else if (lists.finishList() || ++phase <= lastPhase) writer.fileIndex(FileIndex.DONE);
    }
  }

  /** Undefined when the client is done with a list or a phase. */
  async #nextRequest(): Promise<Request | undefined> {
    const { reader, writer, agreement } = this.#scope;
    for (;;) {
      const index = await reader.fileIndex();
      if (index === FileIndex.DONE) return undefined;
      if (index === FileIndex.DELETION_STATISTICS) {
        // Figures of the client, which it wants to hear again.
        writer.fileIndex(index);
        for (let figure = 0; figure < DELETION_FIGURES; figure++) writer.varint(await reader.varint());
        continue;
      }
      if (index < 0) throw reader.corrupt(`file index ${index}`);
      const flags = agreement.version >= 29 ? await reader.int16() : ItemFlag.TRANSFER;
      // Clients of version 29 show this way that they are still there.
      if (agreement.version < 30 && flags === ItemFlag.IS_NEW && !this.#exists(index)) continue;
      const basis = (flags & ItemFlag.BASIS_TYPE_FOLLOWS) === 0 ? BASIS_IS_FILE : await reader.byte();
      if ((flags & ItemFlag.XNAME_FOLLOWS) === 0) return { index, flags, basis };
      return { index, flags, basis, extraName: await reader.vstring(MAX_PATH - 1) };
    }
  }

  #exists(index: number): boolean {
    try {
      this.#scope.lists.find(index);
      return true;
    } catch {
      return false;
    }
  }

  /** Reads a request to its end and begins what can be done before its turn. */
  async #nextJob(phase: number): Promise<Job> {
    const { lists, reader, options, agreement } = this.#scope;
    const request = await this.#nextRequest();
    if (request === undefined) return { kind: "done" };
    const entry = lists.find(request.index);
    const xattrs = this.#wantsXattrs(request) ? { xattrs: await readXattrRequest(reader) } : {};
    if ((request.flags & ItemFlag.TRANSFER) === 0 || options.dryRun) return { kind: "echo", request, entry, ...xattrs };
    if (phase === 2 || entry.stat?.type !== "file") throw reader.corrupt("request for the content of no file");
    const isAppending = this.#isAppending(entry);
    const checksumLength = agreement.transferChecksum.length;
    const blocks = await readBlockSums(reader, { version: agreement.version, checksumLength, isAppending });
    const opening = this.#open(entry);
    // Whoever takes the job sees the failure; until then it is nobody's.
    opening.catch(() => undefined);
    return { kind: "transfer", request, entry, ...xattrs, blocks, isAppending, opening };
  }

  async #open(entry: FileEntry): Promise<OpenedFile> {
    const { signal } = this.#scope;
    const source = await entry.node.open(signal);
    if (source.size > SMALL_FILE) return { source };
    try {
      return { source, content: await source.read(0, source.size, signal) };
    } catch {
      // Read again when it is sent, and then reported.
      return { source };
    }
  }

  #wantsXattrs({ flags }: Request): boolean {
    const { options, agreement } = this.#scope;
    if (!options.xattrs || options.dryRun || (flags & ItemFlag.REPORT_XATTR) === 0) return false;
    const isLocalLink = ItemFlag.XNAME_FOLLOWS | ItemFlag.LOCAL_CHANGE;
    return !(agreement.hasXattrOptimization && (flags & isLocalLink) === isLocalLink);
  }

  async #echo({ request, entry, xattrs }: Exclude<Job, { kind: "done" }>): Promise<void> {
    const { writer, agreement, lists, signal } = this.#scope;
    writer.fileIndex(request.index);
    if (agreement.version < 29) return;
    writer.int16(request.flags);
    if ((request.flags & ItemFlag.BASIS_TYPE_FOLLOWS) !== 0) writer.byte(request.basis);
    if (request.extraName !== undefined) writer.vstring(request.extraName);
    if (xattrs !== undefined) await lists.xattrs.sendValues(entry.node, xattrs, signal);
  }

  async #transfer(job: Transfer): Promise<void> {
    const { writer, agreement, report, signal } = this.#scope;
    const { entry, request } = job;
    const startedAt = performance.now();
    let opened: OpenedFile;
    try {
      opened = await job.opening;
    } catch (error) {
      signal.throwIfAborted();
      report.failed(entry.name, error);
      if (agreement.version >= 30) writer.numberMessage(Message.NO_SEND, request.index);
      return;
    }
    try {
      await this.#echo(job);
      writeBlockSumsHead(writer, job.blocks);
      await this.#sendContent(opened, job);
      entry.wasSent = true;
      this.#log(entry, opened.source.size, startedAt);
    } finally {
      await opened.source.close();
    }
  }

  /** What arrived wrong once is asked for again, and then sent whole. */
  #isAppending(entry: FileEntry): boolean {
    return this.#scope.options.append !== "no" && !entry.wasSent;
  }

  /**
   * The stream of a file that becomes unreadable ends early, with a checksum that cannot be right: the client
   * keeps nothing of it, asks once more and then tells its user.
   */
  async #sendContent(opened: OpenedFile, job: Transfer): Promise<void> {
    const { writer, agreement, report, signal } = this.#scope;
    const tokens = createTokenWriter(writer, this.#compressor);
    const total = agreement.transferChecksum.ofTransfer();
    let failure: { readonly error: unknown } | undefined;
    try {
      await this.#sendTokens(opened, job, tokens, total);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof VmfrError)) throw error;
      failure = { error };
    }
    tokens.end();
    const digest = total.digest();
    if (failure === undefined) writer.bytes(digest);
    else {
      writer.bytes(digest.map((byte) => byte ^ 0xff));
      report.failed(job.entry.name, failure.error);
    }
    await writer.drainWhenFull();
  }

  async #sendTokens(opened: OpenedFile, job: Transfer, tokens: TokenWriter, total: RunningChecksum): Promise<void> {
    const { options, agreement, signal } = this.#scope;
    const { source, content } = opened;
    const { blocks, request, isAppending } = job;
    const { sums } = blocks;
    if (sums !== undefined && source.size > 0) {
      const isInPlace = options.inplace && (agreement.version < 29 || request.basis === BASIS_IS_FILE);
      const delta = { checksum: agreement.transferChecksum, isInPlace, signal };
      await sendDelta(source, { ...blocks, sums }, tokens, total, delta);
      return;
    }
    const kept = isAppending ? Math.min(blocks.length, source.size) : 0;
    const isKeptVerified = options.append === "verified" || agreement.version < 30;
    let offset = isKeptVerified ? 0 : kept;
    const pieces = content === undefined ? readSequentially(source, signal, offset) : [content.subarray(offset)];
    for await (const piece of pieces) {
      total.update(piece);
      await tokens.literal(piece.subarray(Math.max(0, Math.min(piece.length, kept - offset))));
      offset += piece.length;
    }
  }

  #sendStatistics(): void {
    const { writer, reader, lists, agreement } = this.#scope;
    writer.varlong30(BigInt(reader.bytesRead), 3);
    writer.varlong30(BigInt(writer.bytesWritten), 3);
    writer.varlong30(BigInt(lists.totalSize), 3);
    if (agreement.version < 29) return;
    // Milliseconds it took to build and to send the file list, which are the same here.
    writer.varlong30(1n, 3);
    writer.varlong30(0n, 3);
  }

  async #sayGoodbye(): Promise<void> {
    const { reader, writer, agreement } = this.#scope;
    if ((await this.#nextRequest()) !== undefined) throw reader.corrupt("a request behind the last one");
    if (agreement.version < 31) return;
    writer.fileIndex(FileIndex.DONE);
    if ((await this.#nextRequest()) !== undefined) throw reader.corrupt("a request behind the last one");
  }

  #log(entry: FileEntry, bytes: number, startedAt: number): void {
    const durationMs = Math.round(performance.now() - startedAt);
    this.#scope.logger.info({ path: displayName(entry.node.path), bytes, durationMs }, "file read over rsync");
  }
}

function hasRoom(jobs: readonly Job[]): boolean {
  if (jobs.length >= JOBS_AHEAD || jobs.at(-1)?.kind === "done") return false;
  const sums = jobs.map((job) => (job.kind === "transfer" ? job.blocks.sums : undefined));
  return (
    sums.reduce((total, held) => total + (held?.weak.byteLength ?? 0) + (held?.strong.length ?? 0), 0) < SUMS_AHEAD
  );
}

/** Closes what was opened for a job that nobody gets to. */
async function abandon(job: Job): Promise<void> {
  if (job.kind !== "transfer") return;
  try {
    await (await job.opening).source.close();
  } catch {
    // It was not opened.
  }
}
