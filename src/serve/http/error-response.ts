/** How failures look in HTTP: one table from kinds to statuses, one JSON shape, one plain page for browsers. */
import { describeError, type ErrorKind, PathError, type PathFailure, VmfrError } from "../../errors.ts";
import type { ApiError, ApiErrorKind } from "./api-types.ts";

/** A refusal that only makes sense in HTTP. */
export class HttpError extends Error {
  readonly status: number;
  readonly kind: ApiErrorKind;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, kind: ApiErrorKind, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.kind = kind;
    this.headers = headers;
  }
}

/** 5xx where the server or the backup is to blame, 4xx where asking otherwise would help. */
const STATUS_OF_KIND: Record<Exclude<ErrorKind, "path">, number> = {
  "corrupt-data": 500,
  "unsupported-feature": 501,
  source: 502,
  limit: 422,
  config: 500,
  // The repository's or bucket's credentials were refused, not the client's: 401 would ask for a login that cannot help.
  access: 502,
};

const STATUS_OF_PATH_FAILURE: Record<PathFailure, number> = {
  "not-found": 404,
  "not-a-directory": 404,
  "is-a-directory": 422,
  "not-a-symlink": 422,
  "not-a-file": 422,
  "too-many-symlinks": 422,
  "invalid-path": 400,
};

export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ApiError;
}

/** Anything that is not an error of ours is a bug: its text goes to the log, not to the client. */
export function errorAnswer(error: unknown): ErrorAnswer {
  if (error instanceof HttpError) return answer(error.status, error.kind, error.message, error.headers);
  if (error instanceof PathError) {
    const kind = error.failure === "not-found" ? "not-found" : error.kind;
    return answer(STATUS_OF_PATH_FAILURE[error.failure], kind, error.message);
  }
  if (error instanceof VmfrError && error.kind !== "path") {
    return answer(STATUS_OF_KIND[error.kind], error.kind, describeError(error));
  }
  return answer(500, "internal", "the server failed unexpectedly; its log says how");
}

export function isUnexpected(error: unknown): boolean {
  return !(error instanceof VmfrError || error instanceof HttpError);
}

function answer(
  status: number,
  kind: ApiErrorKind,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): ErrorAnswer {
  return { status, headers, body: { error: { kind, message } } };
}

/** For a person whose browser followed a link to a file: no script, no style, the message and the way back. */
export function errorPage(message: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>vmfr</title><p>${escapeHtml(message)}</p><p><a href="/">Back to the files</a></p></html>\n`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
