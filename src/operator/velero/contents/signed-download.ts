import { get as httpGet, type IncomingMessage } from "node:http";
import { get as httpsGet } from "node:https";
import { rootCertificates } from "node:tls";
import { AccessError, LimitError, SourceError } from "../../../errors.ts";
import { ObjectNotFoundError } from "../../../object-store/object-not-found-error.ts";

/** Whom to trust when a bucket is read, as its BackupStorageLocation says. */
export interface BucketTrust {
  /** PEM; trusted beside the built-in authorities. */
  readonly authority?: string;
  readonly insecureSkipTLSVerify?: boolean;
}

export interface DownloadOptions {
  /** For messages; the URL is as good as a password. */
  readonly store: string;
  readonly key: string;
  readonly trust: BucketTrust;
  readonly signal: AbortSignal;
  /** Silence after which the connection counts as dead. */
  readonly idleMs: number;
  /** Bytes of the answer. */
  readonly maxBytes: number;
}

/**
 * The bytes at a signed URL. Redirects are not followed: a signature is good for one place only.
 * @throws ObjectNotFoundError, AccessError, LimitError, SourceError; none names the URL
 */
export async function* downloadSigned(url: string, options: DownloadOptions): AsyncIterable<Uint8Array> {
  const { store, key, maxBytes, signal } = options;
  const answer = await request(url, options);
  try {
    refuseStatus(answer.statusCode ?? 0, store, key);
    const declared = answer.headers["content-length"];
    let received = 0;
    for await (const chunk of answer as AsyncIterable<Uint8Array>) {
      received += chunk.length;
      if (received > maxBytes) throw new LimitError("download", maxBytes, `${store}: ${key}`);
      yield chunk;
    }
    if (declared !== undefined && Number(declared) !== received) {
      throw broken(options, `the answer broke off after ${received} of ${declared} bytes`);
    }
  } catch (error) {
    throw translate(error, options, signal);
  } finally {
    answer.destroy();
  }
}

function request(url: string, options: DownloadOptions): Promise<IncomingMessage> {
  const { trust, signal, idleMs } = options;
  const { authority, insecureSkipTLSVerify } = trust;
  let target: URL;
  try {
    target = new URL(url);
  } catch {
    throw broken(options, "Velero answered with something that is no URL");
  }
  if (target.protocol !== "http:" && target.protocol !== "https:") {
    throw broken(options, `Velero answered with a URL of ${target.protocol}, which is not read`);
  }
  const tls = {
    rejectUnauthorized: insecureSkipTLSVerify !== true,
    ...(authority === undefined ? {} : { ca: [...rootCertificates, authority] }),
  };
  return new Promise((resolve, reject) => {
    const sent =
      target.protocol === "https:"
        ? httpsGet(target, { ...tls, signal }, resolve)
        : httpGet(target, { signal }, resolve);
    sent.setTimeout(idleMs, () => sent.destroy(broken(options, `no answer for ${idleMs / 1000} s`)));
    sent.on("error", (error) => reject(translate(error, options, signal)));
  });
}

function refuseStatus(status: number, store: string, key: string): void {
  if (status === 200) return;
  if (status === 404) throw new ObjectNotFoundError(store, key);
  const what = `${store}: object ${key}`;
  if (status === 401 || status === 403) throw new AccessError(`${what}: the bucket refused the URL Velero signed`);
  const retryable = status === 429 || status >= 500;
  throw new SourceError(`${what}: the bucket answered with status ${status}`, { retryable });
}

function translate(error: unknown, options: DownloadOptions, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  const code = (error as NodeJS.ErrnoException).code;
  if (code === undefined) return error;
  const untrusted = code.includes("CERT") || code.includes("SIGNATURE") || code.startsWith("ERR_TLS");
  const advice = untrusted ? "; name its authority in the BackupStorageLocation's caCert" : "";
  return new SourceError(`${options.store}: object ${options.key}: the bucket cannot be reached (${code})${advice}`, {
    retryable: !untrusted,
  });
}

function broken({ store, key }: DownloadOptions, problem: string): SourceError {
  return new SourceError(`${store}: object ${key}: ${problem}`, { retryable: true });
}
