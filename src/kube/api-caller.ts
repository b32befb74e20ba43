/** Calls that are repeated where that is safe, and made a bounded number at a time. */
import type { IncomingMessage } from "node:http";
import { defaultLimits, type Limits } from "../bytes/limits.ts";
import { ApiError, errorFromStatus, transportError } from "./api-error.ts";
import type { ClusterCredentials } from "./authorization.ts";
import { Backoff } from "./backoff.ts";
import { type Clock, sleep, systemClock } from "./clock.ts";
import { ConcurrencyLimit } from "./concurrency-limit.ts";
import { bodyOf, Deadline, type HttpCall, neverSent, readAnswer, send } from "./http-exchange.ts";

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** For each attempt, until the answer is complete; 30 s. */
  readonly timeoutMs?: number;
  /** Calls in all, the first included; 4. */
  readonly attempts?: number;
}

export interface ApiRequest {
  readonly method: HttpCall["method"];
  /** Below the server's own path, with every part encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
  /** False when a second call would not find the world as the first one did. */
  readonly repeatable: boolean;
  /** Names the call in messages: `get pods shop/web`. */
  readonly what: string;
}

export interface ApiCallerOptions {
  readonly userAgent?: string;
  /** Calls at once, watches apart. */
  readonly concurrency?: number;
  readonly limits?: Limits;
  readonly clock?: Clock;
}

const TIMEOUT_MS = 30_000;
const ATTEMPTS = 4;
const PAUSES = { firstMs: 250, longestMs: 5_000 };
/** A server that asks for more gets its way, but the caller decides, not a call that sits and waits. */
const LONGEST_RETRY_AFTER_MS = 60_000;
const UNAUTHORIZED = 401;

/** A call whose answer has begun. */
interface OpenCall {
  readonly call: HttpCall;
  readonly answer: IncomingMessage;
}

export class ApiCaller {
  readonly limits: Limits;
  readonly #credentials: ClusterCredentials;
  readonly #clock: Clock;
  readonly #userAgent: string;
  readonly #running: ConcurrencyLimit;

  constructor(credentials: ClusterCredentials, options: ApiCallerOptions) {
    this.limits = options.limits ?? defaultLimits;
    this.#credentials = credentials;
    this.#clock = options.clock ?? systemClock;
    this.#userAgent = options.userAgent ?? "vmfr";
    this.#running = new ConcurrencyLimit(options.concurrency ?? 32);
  }

  /** @returns the answer's JSON. @throws ApiError, LimitError, or the signal's reason */
  async call(request: ApiRequest, options: CallOptions = {}): Promise<unknown> {
    const pauses = new Backoff(PAUSES);
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#running.run(() => this.#once(request, options), options.signal);
      } catch (error) {
        if (attempt >= (options.attempts ?? ATTEMPTS) || !mayRepeat(request, error)) throw error;
        await sleep(this.#clock, error.retryAfterMs ?? pauses.next(), options.signal);
      }
    }
  }

  /**
   * The chunks of an answer without an end.
   *
   * @param idleMs the connection counts as dead when nothing has come for so long
   */
  async *stream(request: ApiRequest, idleMs: number, signal: AbortSignal | undefined): AsyncIterable<Buffer> {
    const deadline = new Deadline(signal);
    const dead = timeoutError(request.what, "nothing has come for a long time");
    try {
      const { call, answer } = await this.#open(request, deadline, TIMEOUT_MS);
      deadline.set(idleMs, dead);
      for await (const chunk of bodyOf(call, answer, deadline.signal)) {
        yield chunk;
        deadline.set(idleMs, dead);
      }
    } finally {
      deadline.clear();
    }
  }

  close(): void {
    this.#credentials.close();
  }

  async #once(request: ApiRequest, options: CallOptions): Promise<unknown> {
    const deadline = new Deadline(options.signal);
    try {
      const { call, answer } = await this.#open(request, deadline, options.timeoutMs ?? TIMEOUT_MS);
      return parseJson(request.what, await readAnswer(call, answer, deadline.signal, this.limits.kubeAnswer));
    } finally {
      deadline.clear();
    }
  }

  /**
   * An answer of success. The time starts after the credentials are there, which may take somebody to log in; a token
   * that has just been replaced is read again, once.
   */
  async #open(request: ApiRequest, deadline: Deadline, timeoutMs: number, fresh = false): Promise<OpenCall> {
    const authorization = await this.#credentials.authorize(fresh);
    deadline.set(timeoutMs, timeoutError(request.what, "no answer in time"));
    const call = this.#httpCall(request);
    const answer = await send(call, authorization, deadline.signal);
    const status = answer.statusCode ?? 0;
    if (status >= 200 && status < 300) return { call, answer };
    const body = await readAnswer(call, answer, deadline.signal, this.limits.kubeAnswer);
    const error = errorFromStatus(request.what, status, jsonOrNothing(body), answer.headers["retry-after"]);
    if (error.status === UNAUTHORIZED && !fresh) return await this.#open(request, deadline, timeoutMs, true);
    throw error;
  }

  #httpCall({ method, path, query = {}, body, contentType, what }: ApiRequest): HttpCall {
    const url = new URL(this.#credentials.server);
    url.pathname = url.pathname.replace(/\/$/, "") + path;
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const headers: Record<string, string> = { Accept: "application/json", "User-Agent": this.#userAgent };
    if (body !== undefined) headers["Content-Type"] = contentType ?? "application/json";
    return { method, url, headers, body: body === undefined ? undefined : JSON.stringify(body), what };
  }
}

function mayRepeat(request: ApiRequest, error: unknown): error is ApiError {
  if (!(error instanceof ApiError) || !error.retryable) return false;
  if ((error.retryAfterMs ?? 0) > LONGEST_RETRY_AFTER_MS) return false;
  // 429 means that nothing was done.
  return request.repeatable || error.status === 429 || neverSent(error);
}

function timeoutError(what: string, problem: string): ApiError {
  return transportError(`${what}: ${problem}`, "Timeout");
}

function jsonOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @throws ApiError when it is not JSON; the text is not quoted, since it may hold a Secret */
export function parseJson(what: string, text: string): unknown {
  const value = jsonOrNothing(text);
  if (value !== undefined) return value;
  throw transportError(`${what}: the answer is not JSON`, "InvalidAnswer");
}
