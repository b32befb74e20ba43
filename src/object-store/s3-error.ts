import { AccessError, SourceError, VmfrError } from "../errors.ts";
import { ObjectNotFoundError } from "./object-not-found-error.ts";

/** What an S3 call was about, for messages. */
export interface S3Request {
  readonly store: string;
  /** Absent when listing. */
  readonly key?: string;
}

/** The fields of the SDK's and Node's errors that tell what happened. */
interface Failure {
  readonly name?: string;
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

const CREDENTIAL_ERRORS = new Set(["CredentialsProviderError", "TokenProviderError"]);
const EXPIRED_ERRORS = new Set(["ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"]);
const WRONG_KEY_ERRORS = new Set(["InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken"]);
const TIMEOUT_ERRORS = new Set(["TimeoutError", "ETIMEDOUT", "ESOCKETTIMEDOUT", "RequestTimeout"]);
const UNTRUSTED_ERRORS = new Set([
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "CERT_HAS_EXPIRED",
  "ERR_TLS_CERT_ALTNAME_INVALID",
]);

/** Statuses that mean "later": too many requests, and the server's own trouble. */
function isTransient(status: number | undefined): boolean {
  return status === 429 || (status !== undefined && status >= 500);
}

/**
 * A sentence of our own for what the SDK threw. Its errors hold the whole request, signature and session
 * token included, so they do not become the `cause` that a log would print.
 */
export function translateS3Error(error: unknown, request: S3Request): Error {
  if (error instanceof VmfrError) return error;
  const { name = "", code = "", $metadata } = error as Failure;
  if (name === "AbortError") return error as Error;
  const { store, key } = request;
  const what = key === undefined ? "listing" : `object ${key}`;
  const status = $metadata?.httpStatusCode;
  const fail = (problem: string, retryable: boolean) => new SourceError(`${store}: ${what}: ${problem}`, { retryable });
  const deny = (problem: string) => new AccessError(`${store}: ${what}: ${problem}`);

  if (CREDENTIAL_ERRORS.has(name)) return deny("no usable AWS credentials were found");
  if (EXPIRED_ERRORS.has(name)) return deny("the credentials have expired");
  if (WRONG_KEY_ERRORS.has(name)) return deny(`the store does not accept the credentials (${name})`);
  if (name === "NoSuchBucket") return fail("there is no such bucket", false);
  if (name === "InvalidObjectState")
    return fail("is in an archive tier of the store; restore it to a readable tier first", false);
  if (key !== undefined && (name === "NoSuchKey" || status === 404)) return new ObjectNotFoundError(store, key);
  if (status === 401 || status === 403)
    return deny(`access denied; reading needs permission to list the bucket and get its objects`);
  if (status === 301 || status === 307) return fail("the bucket is in another region; name it with region=…", false);
  if (isTransient(status)) return fail(`the store is busy or failing (${status})`, true);
  if (TIMEOUT_ERRORS.has(name) || TIMEOUT_ERRORS.has(code)) return fail("no answer in time", true);
  if (UNTRUSTED_ERRORS.has(code))
    return fail(`the store's certificate is not trusted (${code}); name its authority with caFile=…`, false);
  if (code === "ENOTFOUND") return fail("the store's host name is not known", false);
  if (status === undefined || status < 300) return fail(`the connection failed (${code || name})`, true);
  return fail(`the store answered ${status} (${name})`, false);
}
