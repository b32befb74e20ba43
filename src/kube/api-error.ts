import { VmfrError } from "../errors.ts";

/** Reasons of our own, in the place of the API server's, for calls that it did not answer. */
type TransportReason = "ConnectionFailed" | "Timeout" | "UntrustedCertificate" | "CertificateRefused" | "InvalidAnswer";

export interface ApiErrorDetails extends ErrorOptions {
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** The API server's machine-readable word (`NotFound`, `AlreadyExists`, `Expired`, …) or a TransportReason. */
  readonly reason: string;
  /** What the server asked to wait, in milliseconds. */
  readonly retryAfterMs?: number;
  /** For an expired page token: one with which the listing goes on, without the consistency of one moment. */
  readonly continueToken?: string;
}

/** A call to the Kubernetes API server failed. The message never holds tokens, headers or the body that was sent. */
export class ApiError extends VmfrError {
  readonly kind: "access" | "source";
  readonly status: number;
  readonly reason: string;
  readonly retryAfterMs: number | undefined;
  readonly continueToken: string | undefined;

  constructor(message: string, details: ApiErrorDetails) {
    super(message, details);
    this.status = details.status;
    this.reason = details.reason;
    this.retryAfterMs = details.retryAfterMs;
    this.continueToken = details.continueToken;
    const refused = [401, 403].includes(details.status) || details.reason === "CertificateRefused";
    this.kind = refused ? "access" : "source";
  }

  /** True when the same call may succeed later: no answer, too many requests, the server's own trouble. */
  get retryable(): boolean {
    if (this.status === 0) return this.reason === "ConnectionFailed" || this.reason === "Timeout";
    return this.status === 429 || this.status >= 500;
  }
}

/** For a call that got no answer, or none that makes sense. */
export function transportError(message: string, reason: TransportReason, cause?: unknown): ApiError {
  return new ApiError(message, { status: 0, reason, cause });
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

/** The object has changed since it was read, or is not the one that was meant (its uid differs). */
export function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.status === 409 && error.reason !== "AlreadyExists";
}

export function isAlreadyExists(error: unknown): boolean {
  return error instanceof ApiError && error.status === 409 && error.reason === "AlreadyExists";
}

/** The resource version or page token is too old: list again. */
export function isGone(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 410 || error.reason === "Expired");
}

interface StatusFields {
  readonly reason?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
  readonly details?: { readonly retryAfterSeconds?: unknown };
  readonly metadata?: { readonly continue?: unknown };
}

/** A server's words are quoted up to here; validation messages list every field. */
const LONGEST_MESSAGE = 2_000;

/**
 * From a `Status` object (the body of a failed call, or of an ERROR event in a watch); anything else gives an
 * error that has the HTTP status alone.
 *
 * @param what names the call, for the message
 */
export function errorFromStatus(what: string, httpStatus: number, body: unknown, retryAfterHeader?: string): ApiError {
  const fields: StatusFields = typeof body === "object" && body !== null ? body : {};
  const status = typeof fields.code === "number" ? fields.code : httpStatus;
  const reason = typeof fields.reason === "string" && fields.reason !== "" ? fields.reason : `Http${status}`;
  const said = typeof fields.message === "string" ? fields.message.slice(0, LONGEST_MESSAGE) : reason;
  const seconds = Number(retryAfterHeader ?? fields.details?.retryAfterSeconds ?? Number.NaN);
  const continueToken = fields.metadata?.continue;
  return new ApiError(`${what}: ${said} (${status})`, {
    status,
    reason,
    ...(Number.isFinite(seconds) && seconds >= 0 ? { retryAfterMs: seconds * 1000 } : {}),
    ...(typeof continueToken === "string" && continueToken !== "" ? { continueToken } : {}),
  });
}
