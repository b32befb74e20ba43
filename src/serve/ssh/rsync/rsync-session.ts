/** rsync's sending side, as its clients start it over SSH: `rsync --server --sender …`. */
import { nameFromKey, nameKey } from "../../../bytes/byte-name.ts";
import { ConfigError, describeError, LimitError, VmfrError } from "../../../errors.ts";
import type { RestoreTree } from "../../../restore-tree/tree-node.ts";
import type { Logger } from "../../log.ts";
import { expandWords } from "../command/expand-words.ts";
import { type ShellWord, splitShellWords } from "../command/shell-words.ts";
import { InputReader } from "../input-reader.ts";
import type { SessionProgram, SessionStream } from "../session-stream.ts";
import { Allowance } from "./allowance.ts";
import { FileLists } from "./file-lists.ts";
import { FileScanner } from "./file-scanner.ts";
import { FilterList } from "./filter-list.ts";
import { type Agreement, shakeHands } from "./handshake.ts";
import { readListFile } from "./merge-file.ts";
import { ExitStatus, MAX_PATH, NEWEST_PROTOCOL } from "./protocol.ts";
import { Sender } from "./sender.ts";
import { parseServerOptions, type ServerOptions } from "./server-options.ts";
import { sanitizeListed, trimSlashes } from "./source-arguments.ts";
import { TransferReport } from "./transfer-report.ts";
import { ClientGaveUp, WireReader } from "./wire-reader.ts";
import { WireWriter } from "./wire-writer.ts";

export interface RsyncOptions {
  readonly tree: RestoreTree;
  /** Where relative paths and `~` start; absolute, raw bytes. */
  readonly home: Uint8Array;
  readonly logger: Logger;
}

/** Exec requests that are rsync's. */
export function matchRsync(options: RsyncOptions): (command: string) => SessionProgram | undefined {
  return (command) =>
    /^[ \t]*(?:\/usr\/bin\/)?rsync(?:[ \t]|$)/.test(command)
      ? (stream) => serveRsync(stream, command, options)
      : undefined;
}

const MAX_ARGUMENTS = 100_000;
const MAX_LISTED = 5_000_000;
const MAX_RULE_LENGTH = 2 * MAX_PATH;
const MAX_RULES = 100_000;
/** Bytes of all arguments, or all rules, of a session, and of all lines of a list of files. */
const MAX_ARGUMENT_BYTES = 4 * 1024 * 1024;
const MAX_RULE_BYTES = 4 * 1024 * 1024;
const MAX_LISTED_BYTES = 64 * 1024 * 1024;

/** @returns rsync's exit status. */
async function serveRsync(stream: SessionStream, command: string, options: RsyncOptions): Promise<number> {
  const session = new RsyncSession(stream, options);
  try {
    return await session.run(command);
  } catch (error) {
    if (error instanceof ClientGaveUp) return ExitStatus.PROTOCOL;
    if (!(error instanceof VmfrError)) throw error;
    session.flush();
    stream.explain(describeError(error));
    return error instanceof ConfigError ? ExitStatus.SYNTAX : ExitStatus.PROTOCOL;
  } finally {
    session.close();
  }
}

interface Request {
  readonly options: ServerOptions;
  readonly paths: readonly ShellWord[];
  /** rsync expands arguments by itself when no shell did. */
  readonly matchHidden: boolean;
}

class RsyncSession {
  readonly #stream: SessionStream;
  readonly #options: RsyncOptions;
  readonly #reader: WireReader;
  readonly #writer: WireWriter;
  #keepAlive: NodeJS.Timeout | undefined;

  constructor(stream: SessionStream, options: RsyncOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#writer = new WireWriter(stream, NEWEST_PROTOCOL);
    const input = new InputReader(stream.input, "rsync");
    this.#reader = new WireReader(input, NEWEST_PROTOCOL, () => this.#writer.flush());
  }

  flush(): void {
    this.#writer.flush();
  }

  close(): void {
    clearInterval(this.#keepAlive);
  }

  async run(command: string): Promise<number> {
    const { tree, home, logger } = this.#options;
    const { signal } = this.#stream;
    const request = await this.#request(command);
    const { options } = request;
    const agreement = await shakeHands(this.#reader, this.#writer, options);
    this.#writer.startMultiplexing();
    this.#reader.isMultiplexed = agreement.version >= 30;
    if (options.bandwidthLimit > 0) this.#writer.limitRate(options.bandwidthLimit * 1024);
    if (options.timeout > 0) {
      this.#keepAlive = setInterval(() => this.#writer.keepAlive(), (options.timeout * 1000) / 3);
    }
    const report = new TransferReport(this.#writer, agreement.version);
    const filters = await this.#readFilters(options, agreement);
    const expanded = await expandWords(tree, request.paths, { home, signal, matchHidden: request.matchHidden });
    const paths = expanded.map(nameKey);
    const base = trimSlashes(nameKey(home));
    const origin = options.filesFrom === undefined ? base : absolutePath(paths[0] ?? ".", base);
    const scope = { options, agreement, report, filters, signal, writer: this.#writer };
    // Clients of version 30 and later leave implied directories alone by themselves.
    const sendsImplied = options.impliedDirectories || agreement.version >= 30;
    const onProgress = () => this.#writer.drainWhenFull();
    const scanner = new FileScanner({ ...scope, tree, logger, home: origin, sendsImplied, onProgress });
    const lists = new FileLists({ ...scope, scanner });
    const names = await this.#names(options, agreement, paths);
    if (!(await lists.sendFirst(names))) {
      await this.#writer.drain();
      return report.exitStatus;
    }
    await new Sender({ ...scope, lists, reader: this.#reader, logger }).run();
    return report.exitStatus;
  }

  async #request(command: string): Promise<Request> {
    const home = nameKey(this.#options.home).replace(/\/$/, "");
    const words = splitShellWords(command, home).slice(1);
    const { options, firstPath } = parseServerOptions(words.map(({ text }) => text));
    if (!options.secludedArguments) return { options, paths: words.slice(firstPath), matchHidden: false };
    const hidden = await this.#secludedArguments();
    const all = [...words.slice(0, firstPath).map(({ text }) => text), ...hidden];
    const parsed = parseServerOptions(all);
    const paths = all.slice(parsed.firstPath).map((text): ShellWord => {
      return /[*?[]/.test(text) ? { text, pattern: text } : { text };
    });
    return { options: parsed.options, paths, matchHidden: true };
  }

  /** Arguments on the input: each ended by NUL, an empty one at the end; the first is the program's name. */
  async #secludedArguments(): Promise<string[]> {
    const words: string[] = [];
    const allowance = new Allowance(MAX_ARGUMENT_BYTES, "arguments");
    for (let word = await this.#line(); word !== ""; word = await this.#line()) {
      allowance.take(word.length);
      if (words.push(word) > MAX_ARGUMENTS) throw new LimitError("arguments", MAX_ARGUMENTS, "arguments");
    }
    return words.slice(1);
  }

  async #line(): Promise<string> {
    return nameKey(await this.#reader.line(MAX_RULE_LENGTH));
  }

  async #readFilters(options: ServerOptions, { version }: Agreement): Promise<FilterList> {
    const lines: string[] = [];
    const allowance = new Allowance(MAX_RULE_BYTES, "filter rules");
    for (let length = await this.#reader.int32(); length !== 0; length = await this.#reader.int32()) {
      if (length < 0 || length > MAX_RULE_LENGTH) throw this.#reader.corrupt(`a filter rule of ${length} bytes`);
      allowance.take(length);
      lines.push(nameKey(await this.#reader.bytes(length)));
      if (lines.length > MAX_RULES) throw new LimitError("rules", MAX_RULES, "filter rules");
    }
    return FilterList.parse(lines, version < 29, options.cvsExclude);
  }

  /** What is to be transferred: the arguments, or with `--files-from` the lines of a list below the first one. */
  async #names(options: ServerOptions, agreement: Agreement, paths: readonly string[]): Promise<readonly string[]> {
    if (options.filesFrom === undefined) return paths.length === 0 ? ["."] : paths;
    if (options.filesFrom !== "-") return this.#listedHere(options);
    // Before version 31 clients send the list outside of frames.
    if (agreement.version < 31) this.#reader.isMultiplexed = false;
    const names: string[] = [];
    const allowance = new Allowance(MAX_LISTED_BYTES, "listed files");
    for (let line = await this.#line(); line !== ""; line = await this.#line()) {
      allowance.take(line.length);
      if (names.push(sanitizeListed(line)) > MAX_LISTED) throw new LimitError("files", MAX_LISTED, "listed files");
    }
    this.#reader.isMultiplexed = agreement.version >= 30;
    return names;
  }

  async #listedHere({ filesFrom = "", filesFromNulls }: ServerOptions): Promise<string[]> {
    const { tree, home } = this.#options;
    const path = filesFrom.startsWith("/")
      ? nameFromKey(filesFrom)
      : Buffer.concat([home, nameFromKey(`/${filesFrom}`)]);
    const text = await readListFile(tree, path, this.#stream.signal);
    const lines = text.split(filesFromNulls ? "\0" : /[\r\n]+/);
    return lines.filter((line) => line !== "" && !/^[#;]/.test(line)).map(sanitizeListed);
  }
}

function absolutePath(path: string, home: string): string {
  return trimSlashes(path.startsWith("/") ? path : `${home}/${path}`);
}
