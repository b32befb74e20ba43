import { displayName, nameFromKey } from "../../../bytes/byte-name.ts";
import { describeError, PathError } from "../../../errors.ts";
import { ExitStatus, IoError, Message } from "./protocol.ts";
import type { WireWriter } from "./wire-writer.ts";

const LONGEST_SENTENCE = 2000;

/** What could not be sent: told to the client's user, and to the client as the flags behind exit code 23. */
export class TransferReport {
  readonly #writer: WireWriter;
  readonly #version: number;
  #flags = 0;

  constructor(writer: WireWriter, version: number) {
    this.#writer = writer;
    this.#version = version;
  }

  /** Bits of IoError. */
  get ioErrors(): number {
    return this.#flags;
  }

  get exitStatus(): number {
    if ((this.#flags & IoError.GENERAL) !== 0) return ExitStatus.PARTIAL;
    return this.#flags === 0 ? ExitStatus.OK : ExitStatus.VANISHED;
  }

  /** @param path one UTF-16 unit a byte. */
  failed(path: string, error: unknown): void {
    this.#flags |= IoError.GENERAL;
    this.missing(path, error);
  }

  /** An argument that is not there: the client's exit code says so, but deleting goes on. */
  missing(path: string, error: unknown): void {
    const reason = typeof error === "string" ? error : describeError(error);
    const shown = displayName(nameFromKey(path));
    this.#tell(Message.ERROR_XFER, error instanceof PathError || shown === "" ? reason : `${shown}: ${reason}`);
  }

  note(sentence: string): void {
    this.#tell(Message.INFO, sentence);
  }

  #tell(kind: number, sentence: string): void {
    const text = `vmfr: ${sentence.slice(0, LONGEST_SENTENCE)}\n`;
    // Older clients know these kinds only.
    const known = this.#version < 30 && kind !== Message.INFO ? Message.ERROR_XFER : kind;
    this.#writer.message(known, Buffer.from(text));
  }
}
