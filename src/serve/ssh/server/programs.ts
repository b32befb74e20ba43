import type { SessionProgram } from "../session-stream.ts";

/** What clients may start. Everything else is refused in words. */
export interface Programs {
  readonly subsystems: ReadonlyMap<string, SessionProgram>;
  /** Asked in order; the first that knows the command runs it. */
  readonly commands: readonly CommandMatcher[];
}

/**
 * The program for an exec request's command line (one UTF-16 unit a byte), or undefined when it is none of
 * this one's.
 */
export type CommandMatcher = (command: string) => SessionProgram | undefined;

const REFUSAL =
  "vmfr serves files read-only over sftp, scp and rsync; there is no shell here. Use sftp, scp or rsync to fetch files.";

/** Tells the client's user what this server is for, and ends with status 1. */
export const refuse: SessionProgram = async (stream) => {
  stream.explain(REFUSAL);
  return 1;
};
