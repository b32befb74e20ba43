import type { ServerChannel } from "ssh2";
import { CorruptDataError } from "../../../errors.ts";
import type { SessionStream } from "../session-stream.ts";
import type { Transport } from "./transport.ts";

/**
 * Bytes that may wait to be read: ssh2 grants 2 MiB, and 2 MiB more once it has stored those; it does not look
 * whether a client keeps to it.
 */
const MOST_UNREAD = 4 * 1024 * 1024 + 64 * 1024;
/** Characters of one sentence sent to a client's stderr. */
const MAX_EXPLANATION = 2000;

/** A session channel as programs see it. */
export class ChannelStream implements SessionStream {
  readonly input: AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
  readonly #channel: ServerChannel;
  readonly #transport: Transport;
  #hasEnded = false;

  /** @param signal aborted when the channel or its connection is gone. */
  constructor(channel: ServerChannel, transport: Transport, signal: AbortSignal) {
    this.#channel = channel;
    this.#transport = transport;
    this.signal = signal;
    this.input = this.#chunks();
    const push = channel.push.bind(channel);
    channel.push = (chunk: Buffer | null) => {
      if (chunk === null || channel.readableLength + chunk.length <= MOST_UNREAD) return push(chunk);
      throw new CorruptDataError(
        { format: "ssh", structure: "channel" },
        "the client sends more than it was allowed to",
      );
    };
    channel.once("end", () => {
      this.#hasEnded = true;
    });
  }

  write(bytes: Uint8Array): void {
    if (this.signal.aborted || !this.#channel.writable) return;
    this.#transport.send(() => this.#channel.write(bytes));
  }

  async drain(): Promise<void> {
    if (this.#channel.writableNeedDrain) await this.#event("drain");
    if (!this.signal.aborted) await this.#transport.drain();
  }

  explain(sentence: string): void {
    if (this.signal.aborted || !this.#channel.stderr.writable) return;
    this.#transport.send(() => this.#channel.stderr.write(`vmfr: ${sentence.slice(0, MAX_EXPLANATION)}\r\n`));
  }

  /**
   * Ends the program's output. The status goes first: clients take an end without one for a failure, and
   * `end` closes the channel.
   */
  exit(status: number): void {
    if (this.signal.aborted) return;
    this.#transport.send(() => {
      this.#channel.exit(status);
      this.#channel.end();
    });
  }

  async *#chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    while (!this.signal.aborted) {
      const chunk: Buffer | null = this.#channel.read();
      if (chunk !== null) {
        this.#transport.touch();
        yield chunk;
      } else if (this.#hasEnded) {
        return;
      } else {
        await this.#event("readable", "end");
      }
    }
  }

  /** Resolves at the first of these events of the channel, and when it is lost. */
  #event(...events: readonly string[]): Promise<void> {
    return new Promise((resolve) => {
      const settle = () => {
        for (const event of events) this.#channel.removeListener(event, settle);
        this.signal.removeEventListener("abort", settle);
        resolve();
      };
      for (const event of events) this.#channel.once(event, settle);
      this.signal.addEventListener("abort", settle, { once: true });
      if (this.signal.aborted) settle();
    });
  }
}
