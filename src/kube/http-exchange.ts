/** One HTTP call to the API server: connection, deadline, bounded answer. Knows nothing of Kubernetes' objects. */
import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import { LimitError } from "../errors.ts";
import { type ApiError, transportError } from "./api-error.ts";
import type { Authorization } from "./authorization.ts";

export interface HttpCall {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** Names the call in messages. */
  readonly what: string;
}

/** Ends a call when its time is over or its caller has lost interest; must be cleared. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #parent: AbortSignal | undefined;
  readonly #onAbort = () => this.#controller.abort(this.#parent?.reason);
  #timer: NodeJS.Timeout | undefined;

  constructor(parent: AbortSignal | undefined) {
    parent?.throwIfAborted();
    this.#parent = parent;
    parent?.addEventListener("abort", this.#onAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** From now; replaces the time given before. */
  set(timeoutMs: number, reason: Error): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#controller.abort(reason), timeoutMs);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#parent?.removeEventListener("abort", this.#onAbort);
  }
}

/**
 * Sends the call and gives the answer once its headers are here; the body must be read or destroyed.
 *
 * @throws the signal's reason when it is aborted, also while the body is read
 * @throws ApiError with status 0 when there is no answer
 */
export function send(call: HttpCall, authorization: Authorization, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { request } = call.url.protocol === "http:" ? http : https;
    const body = call.body === undefined ? undefined : Buffer.from(call.body);
    const length = body === undefined ? {} : { "Content-Length": String(body.length) };
    const options = {
      method: call.method,
      agent: authorization.agent,
      headers: { ...call.headers, ...length, ...authorization.headers },
      signal,
    };
    const outgoing = request(call.url, options, resolve);
    outgoing.on("error", (error) => reject(connectionError(call.what, error, signal)));
    outgoing.end(body);
  });
}

/** The chunks of an answer as they come. @throws as `send` does */
export async function* bodyOf(call: HttpCall, answer: IncomingMessage, signal: AbortSignal): AsyncIterable<Buffer> {
  try {
    yield* answer as AsyncIterable<Buffer>;
  } catch (error) {
    throw connectionError(call.what, error, signal);
  }
}

/** @throws as `send` does, and LimitError when the answer is longer than `maximum` bytes */
export async function readAnswer(
  call: HttpCall,
  answer: IncomingMessage,
  signal: AbortSignal,
  maximum: number,
): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of bodyOf(call, answer, signal)) {
    length += chunk.length;
    if (length > maximum) throw new LimitError("kubeAnswer", maximum, call.what);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

const NEVER_CONNECTED = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);

/** True when the call certainly did not reach the server, so that even a creation may be repeated. */
export function neverSent(error: ApiError): boolean {
  return NEVER_CONNECTED.has((error.cause as NodeJS.ErrnoException | undefined)?.code ?? "");
}

function connectionError(what: string, error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  const { code = "", message } = error as NodeJS.ErrnoException;
  if (/ALERT_(.*CERTIFICATE|UNKNOWN_CA)/.test(code)) {
    const sentence = `${what}: the API server does not accept the client's certificate (${code})`;
    return transportError(sentence, "CertificateRefused", error);
  }
  // Node has some forty words for a certificate that it does not trust.
  if (/CERT|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH/.test(code)) {
    const sentence = `${what}: the API server's certificate is not trusted (${code})`;
    return transportError(sentence, "UntrustedCertificate", error);
  }
  const sentence = `${what}: the connection to the API server failed (${code || message})`;
  return transportError(sentence, "ConnectionFailed", error);
}
