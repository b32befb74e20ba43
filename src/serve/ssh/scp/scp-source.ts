/**
 * The source side of scp's own protocol (`scp -O`): control records T, C, D and E, each answered by the
 * client, as described by OpenSSH's scp.c. Symbolic links are followed, as its source side does.
 */
import { displayName, nameKey, splitPath } from "../../../bytes/byte-name.ts";
import { defaultLimits } from "../../../bytes/limits.ts";
import { ConfigError, CorruptDataError, describeError, LimitError, PathError, VmfrError } from "../../../errors.ts";
import { isSingleName } from "../../../restore-tree/placed-node.ts";
import type { RestoreTree, TreeNode, TreeStat } from "../../../restore-tree/tree-node.ts";
import type { SparseSource } from "../../../source/byte-source.ts";
import type { Logger } from "../../log.ts";
import { expandWords } from "../command/expand-words.ts";
import { InputReader } from "../input-reader.ts";
import { readSequentially } from "../sequential-read.ts";
import type { SessionProgram, SessionStream } from "../session-stream.ts";
import { isScpCommand, parseScpCommand, type ScpRequest } from "./scp-command.ts";

export interface ScpOptions {
  readonly tree: RestoreTree;
  /** Where relative paths and `~` start; absolute, raw bytes. */
  readonly home: Uint8Array;
  readonly logger: Logger;
}

/** Exec requests that are scp's. */
export function matchScp(options: ScpOptions): (command: string) => SessionProgram | undefined {
  return (command) => (isScpCommand(command) ? (stream) => serveScp(stream, command, options) : undefined);
}

/** @returns exit status: 1 when anything asked for could not be sent. */
async function serveScp(stream: SessionStream, command: string, options: ScpOptions): Promise<number> {
  try {
    const request = parseScpCommand(command, options.home);
    return await new ScpSource(stream, request, options).run();
  } catch (error) {
    if (!(error instanceof VmfrError)) throw error;
    stream.explain(describeError(error));
    return 1;
  }
}

const OK = 0;
const WARNING = 1;
const LONGEST_ANSWER = 2000;
const LINE_FEED = 0x0a;
const NANOSECONDS = 1_000_000_000n;

class ScpSource {
  readonly #stream: SessionStream;
  readonly #input: InputReader;
  readonly #request: ScpRequest;
  readonly #options: ScpOptions;
  #failures = 0;

  constructor(stream: SessionStream, request: ScpRequest, options: ScpOptions) {
    this.#stream = stream;
    this.#input = new InputReader(stream.input, "scp");
    this.#request = request;
    this.#options = options;
  }

  async run(): Promise<number> {
    const { tree, home } = this.#options;
    const { signal } = this.#stream;
    await this.#isAccepted();
    for (const path of await expandWords(tree, this.#request.paths, { home, signal })) {
      const absolute = path[0] === 0x2f ? path : Buffer.concat([home, Uint8Array.of(0x2f), path]);
      await this.#attempt(absolute, async () => {
        const node = await tree.resolve(absolute, { signal });
        await this.#send(node, lastName(path), []);
      });
    }
    return this.#failures === 0 ? 0 : 1;
  }

  /** What fails before anything of it was sent is reported, and the rest goes on. */
  async #attempt(path: Uint8Array, send: () => Promise<void>): Promise<void> {
    try {
      await send();
    } catch (error) {
      this.#stream.signal.throwIfAborted();
      if (error instanceof InterruptedFile || !(error instanceof VmfrError)) throw error;
      await this.#warn(error instanceof PathError ? describeError(error) : `${displayName(path)}: ${error.message}`);
    }
  }

  async #send(node: TreeNode, name: Uint8Array, ancestors: readonly string[]): Promise<void> {
    const { signal } = this.#stream;
    const stat = await node.stat(signal);
    const shown = displayName(node.path);
    if (name.includes(LINE_FEED)) {
      throw new ConfigError(
        "scp's own protocol cannot carry a name with a line break; use sftp, scp without -O, or rsync",
      );
    }
    if (stat.type === "directory") {
      if (!this.#request.recursive) throw new PathError("not-a-file", shown);
      if (ancestors.includes(stat.identity)) {
        throw new CorruptDataError({ format: "directory tree", structure: shown }, "the directory contains itself");
      }
      if (ancestors.length >= defaultLimits.pathDepth) {
        throw new LimitError("pathDepth", defaultLimits.pathDepth, "directories inside each other");
      }
      await this.#sendDirectory(node, stat, name, [...ancestors, stat.identity]);
    } else if (stat.type === "file") await this.#sendFile(node, stat, name);
    else throw new PathError("not-a-file", shown);
  }

  async #sendDirectory(node: TreeNode, stat: TreeStat, name: Uint8Array, ancestors: readonly string[]): Promise<void> {
    if (!(await this.#announce("D", stat, 0, name))) return;
    this.#options.logger.info({ path: displayName(node.path) }, "directory listed over scp");
    await this.#attempt(node.path, async () => {
      for await (const batch of node.list({ signal: this.#stream.signal })) {
        for (const child of batch) {
          await this.#attempt(child.node.path, async () => {
            if (!isSingleName(child.name)) {
              const place = { format: "directory tree", structure: displayName(node.path) };
              throw new CorruptDataError(place, "a name in it cannot be one of a file");
            }
            await this.#send(await this.#followed(child.node), child.name, ancestors);
          });
        }
      }
    });
    this.#write("E\n");
    await this.#isAccepted();
  }

  async #followed(node: TreeNode): Promise<TreeNode> {
    const isKnown = node.type !== "symlink" && node.type !== "unknown";
    return isKnown ? node : this.#options.tree.resolve(node.path, { signal: this.#stream.signal });
  }

  /** The first piece is read before the file is announced, so that most unreadable files never begin. */
  async #sendFile(node: TreeNode, stat: TreeStat, name: Uint8Array): Promise<void> {
    const source = await node.open(this.#stream.signal);
    const startedAt = performance.now();
    try {
      const pieces = readSequentially(source, this.#stream.signal);
      try {
        const first = await pieces.next();
        if (!(await this.#announce("C", stat, source.size, name))) return;
        if (first.done !== true) await this.#sendPieces(first.value, pieces, node);
      } finally {
        await pieces.return();
      }
      this.#stream.write(Uint8Array.of(OK));
      await this.#isAccepted();
      this.#logRead(node, source, startedAt);
    } finally {
      await source.close();
    }
  }

  async #sendPieces(first: Uint8Array, rest: AsyncIterable<Uint8Array>, node: TreeNode): Promise<void> {
    this.#stream.write(first);
    await this.#stream.drain();
    try {
      for await (const piece of rest) {
        this.#stream.write(piece);
        await this.#stream.drain();
        this.#stream.signal.throwIfAborted();
      }
    } catch (error) {
      this.#stream.signal.throwIfAborted();
      throw new InterruptedFile(node.path, error);
    }
  }

  /** Times if they are wanted, then the record itself. @returns whether the client takes it. */
  async #announce(kind: "C" | "D", stat: TreeStat, size: number, name: Uint8Array): Promise<boolean> {
    if (this.#request.preserve) {
      this.#write(`T${seconds(stat.mtime)} 0 ${seconds(stat.atime)} 0\n`);
      if (!(await this.#isAccepted())) return false;
    }
    this.#write(`${kind}${stat.mode.toString(8).padStart(4, "0")} ${size} ${nameKey(name)}\n`);
    return this.#isAccepted();
  }

  async #warn(sentence: string): Promise<void> {
    this.#failures++;
    this.#stream.write(
      Buffer.concat([Uint8Array.of(WARNING), Buffer.from(`scp: ${sentence.slice(0, LONGEST_ANSWER)}\n`)]),
    );
    await this.#stream.drain();
  }

  /** The client's answer; what it refuses with a warning it does without. @throws CorruptDataError when it gives up. */
  async #isAccepted(): Promise<boolean> {
    const [answer] = await this.#input.readExactly(1);
    if (answer === OK) return true;
    const text: number[] = [];
    for (let byte = await this.#byte(); byte !== LINE_FEED && text.length < LONGEST_ANSWER; byte = await this.#byte()) {
      text.push(byte);
    }
    this.#failures++;
    if (answer === WARNING) return false;
    const place = { format: "scp", structure: "answer" };
    throw new CorruptDataError(place, `the client gave up: ${displayName(Uint8Array.from(text))}`);
  }

  async #byte(): Promise<number> {
    return (await this.#input.readExactly(1))[0] ?? LINE_FEED;
  }

  #write(record: string): void {
    this.#stream.write(Buffer.from(record, "latin1"));
  }

  #logRead(node: TreeNode, source: SparseSource, startedAt: number): void {
    const durationMs = Math.round(performance.now() - startedAt);
    this.#options.logger.info({ path: displayName(node.path), bytes: source.size, durationMs }, "file read over scp");
  }
}

/**
 * A file became unreadable after its size was promised. The protocol could only fill it up with wrong
 * bytes, so the session ends instead.
 */
class InterruptedFile extends VmfrError {
  readonly kind = "source";

  constructor(path: Uint8Array, cause: unknown) {
    super(`${displayName(path)}: ${describeError(cause)}; the copy ends here, fetch the rest without it`, { cause });
  }
}

function seconds(nanoseconds: bigint): bigint {
  return nanoseconds < 0n ? 0n : nanoseconds / NANOSECONDS;
}

/** The name a path is sent under; as with OpenSSH `.` and `..` stay, for the client to refuse. */
function lastName(path: Uint8Array): Uint8Array {
  const names = splitPath(path);
  if (/(?:^|\/)\.\/*$/.test(nameKey(path))) return Uint8Array.of(0x2e);
  const last = names.at(-1);
  if (last === undefined) throw new PathError("invalid-path", displayName(path), "name a directory inside it, or /*");
  return last;
}
