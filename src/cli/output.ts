import { once } from "node:events";
import type { ByteSource, SparseSource } from "../source/byte-source.ts";
import { readChunks } from "../source/read-chunks.ts";
import type { CommandContext } from "./context.ts";

/** Small writes are collected up to this many characters. */
const FLUSH_AT = 64 * 1024;

/** Text on its way to stdout, in pieces large enough to be cheap, waiting when the reader is slow. */
export class TextOutput {
  readonly #stream: CommandContext["stdout"];
  #pending = "";

  constructor(context: CommandContext) {
    this.#stream = context.stdout;
  }

  /** A promise only where there is something to wait for: most lines only join the others. */
  write(text: string): Promise<void> | undefined {
    this.#pending += text;
    return this.#pending.length >= FLUSH_AT ? this.flush() : undefined;
  }

  async flush(): Promise<void> {
    const text = this.#pending;
    this.#pending = "";
    if (text !== "") await writeFully(this.#stream, text);
  }
}

/** Resolves once the stream is ready for more. */
export async function writeFully(stream: NodeJS.WritableStream, data: string | Uint8Array): Promise<void> {
  if (!stream.write(data)) await once(stream, "drain");
}

/** All bytes of a source, in order, as fast as both sides allow. */
export async function pump(
  source: ByteSource | SparseSource,
  stream: NodeJS.WritableStream,
  onBytes?: (count: number) => void,
): Promise<void> {
  for await (const chunk of readChunks(source)) {
    await writeFully(stream, chunk);
    onBytes?.(chunk.length);
  }
}
