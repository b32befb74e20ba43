import type { ReadStream, WriteStream } from "node:tty";

/** What a command may touch of the process it runs in; tests pass their own. */
export interface CommandContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadableStream & Partial<Pick<ReadStream, "isTTY" | "setRawMode">>;
  readonly stdout: NodeJS.WritableStream & Partial<Pick<WriteStream, "isTTY" | "columns">>;
  readonly stderr: NodeJS.WritableStream & Partial<Pick<WriteStream, "isTTY" | "columns">>;
  /** Folder of the built web app, when there is one. */
  readonly webRoot: string | undefined;
  /** Resolves when the process is asked to end (SIGINT, SIGTERM); from the first call on, only the second ask is deadly. */
  untilAskedToEnd(): Promise<void>;
}
