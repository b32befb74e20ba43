import { nameKey } from "../../src/bytes/byte-name.ts";
import type { SessionProgram, SessionStream } from "../../src/serve/ssh/session-stream.ts";

export interface SessionOutcome {
  readonly status: number;
  readonly output: Buffer;
  readonly explanations: readonly string[];
}

/** Runs a program on input that is all there from the start, in chunks as given, until it ends. */
export async function exchangeSession(
  program: SessionProgram,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<SessionOutcome> {
  const output: Uint8Array[] = [];
  const explanations: string[] = [];
  const stream: SessionStream = {
    input: (async function* () {
      yield* chunks;
    })(),
    write: (bytes) => void output.push(bytes.slice()),
    drain: async () => undefined,
    explain: (sentence) => void explanations.push(sentence),
    signal: new AbortController().signal,
  };
  const status = await program(stream);
  return { status, output: Buffer.concat(output), explanations };
}

/** A command line as the server's exec requests hold it. */
export function commandLine(text: string | Uint8Array): string {
  return nameKey(Buffer.from(text));
}
