import { type ErrorKind, VmfrError } from "../errors.ts";

/** What the shell sees. 2 is a wrong call, as everywhere; the rest tell a script which kind of "no" it was. */
const EXIT_CODES: Record<ErrorKind, number> = {
  config: 2,
  path: 3,
  "corrupt-data": 4,
  "unsupported-feature": 5,
  source: 6,
  access: 7,
  limit: 8,
};

/** Nothing failed, but what was asked for is not there: no backup contains the VM. */
export const NOTHING_FOUND = 3;
/** Some of what was asked for could not be read; the reasons are on stderr, the rest arrived. */
export const PARTIAL = 9;

export function exitCodeOf(error: unknown): number {
  return error instanceof VmfrError ? EXIT_CODES[error.kind] : 1;
}
