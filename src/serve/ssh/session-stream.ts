/**
 * What a program that a client starts over SSH (sftp, scp, rsync) sees of its session channel. Programs
 * know nothing of the transport; tests give them a stream of their own.
 */
export interface SessionStream {
  /** Chunks as the client sends them; ends at the client's EOF and when the channel is lost. Iterate once. */
  readonly input: AsyncIterable<Uint8Array>;

  /** Queues bytes in order. What is written after the channel was lost is dropped. */
  write(bytes: Uint8Array): void;

  /** Resolves when little enough is queued to write more; immediately when the channel was lost. */
  drain(): Promise<void>;

  /** One sentence on the client's stderr, where `sftp`, `scp` and `rsync` show it to their user. */
  explain(sentence: string): void;

  /** Aborted when the channel or the connection is gone; abandon all work. */
  readonly signal: AbortSignal;
}

/** @returns the exit status. May throw; the session is then ended with status 1. */
export type SessionProgram = (stream: SessionStream) => Promise<number>;
