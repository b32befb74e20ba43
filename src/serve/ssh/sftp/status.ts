import { describeError, type ErrorKind, PathError, type PathFailure, VmfrError } from "../../../errors.ts";
import { StatusCode } from "./protocol.ts";

const PATH_STATUS: Record<PathFailure, StatusCode> = {
  "not-found": StatusCode.NO_SUCH_FILE,
  // As OpenSSH translates ENOTDIR and ELOOP.
  "not-a-directory": StatusCode.NO_SUCH_FILE,
  "too-many-symlinks": StatusCode.NO_SUCH_FILE,
  "is-a-directory": StatusCode.FAILURE,
  "not-a-symlink": StatusCode.FAILURE,
  "not-a-file": StatusCode.FAILURE,
  "invalid-path": StatusCode.FAILURE,
};

/**
 * One status for every kind of error. An unsupported feature of a guest's file is a FAILURE: sshfs would
 * hand OP_UNSUPPORTED to the kernel as ENOSYS, which switches that call off for the whole mount.
 */
const KIND_STATUS: Record<Exclude<ErrorKind, "path">, StatusCode> = {
  "corrupt-data": StatusCode.FAILURE,
  "unsupported-feature": StatusCode.FAILURE,
  source: StatusCode.FAILURE,
  limit: StatusCode.FAILURE,
  config: StatusCode.FAILURE,
  access: StatusCode.PERMISSION_DENIED,
};

export interface StatusText {
  readonly code: StatusCode;
  readonly message: string;
}

export function statusOf(error: unknown): StatusText {
  const message = describeError(error);
  if (error instanceof PathError) return { code: PATH_STATUS[error.failure], message };
  if (error instanceof VmfrError && error.kind !== "path") return { code: KIND_STATUS[error.kind], message };
  return { code: StatusCode.FAILURE, message };
}
