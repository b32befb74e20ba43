/** Says who a request comes from: a session's cookie, or HTTP Basic for scripts (RFC 7617). */
import { createHmac, randomBytes } from "node:crypto";
import { LruCache } from "../../bytes/lru-cache.ts";
import type { Credentials } from "../credentials.ts";
import type { AttemptLimiter } from "./attempt-limiter.ts";
import { HttpError } from "./error-response.ts";
import type { SessionTable } from "./session-table.ts";

/** The `__Host-` prefix makes browsers insist on Secure, Path=/ and no Domain. */
export const SESSION_COOKIE = "__Host-vmfr";

export interface Authenticator {
  /** The user of a request's headers. @throws HttpError unauthenticated or too-many-attempts. */
  identify(request: IdentifiedRequest): Promise<string>;
  /** A new session's token. @throws HttpError unauthenticated or too-many-attempts. */
  login(address: string, user: string, password: string): Promise<string>;
  logout(sessionToken: string): void;
}

export interface IdentifiedRequest {
  readonly address: string;
  readonly sessionToken: string | undefined;
  /** The Authorization header. */
  readonly authorization: string | undefined;
  /** Whether to ask for HTTP Basic; browsers would cover the login form with a dialog of their own. */
  readonly challenge: boolean;
}

export interface AuthenticatorParts {
  readonly credentials: Credentials;
  readonly sessions: SessionTable;
  readonly limiter: AttemptLimiter;
  /** Told of every password that was looked at. */
  onAttempt(attempt: { address: string; user: string; accepted: boolean }): void;
}

/** Checks waiting for their turn; more than these are guesses, not people. */
const MOST_PENDING = 16;
const REMEMBERED_HEADERS = 64;

export function createAuthenticator({ credentials, sessions, limiter, onAttempt }: AuthenticatorParts): Authenticator {
  const cacheKey = randomBytes(32);
  // Scripts send the same header with every request: the costly check is made once, also for requests at once.
  const remembered = new LruCache<string, Promise<void>>(REMEMBERED_HEADERS);
  let pending = 0;

  async function check(address: string, user: string, password: string): Promise<void> {
    const wait = limiter.waitSeconds(address, user);
    if (wait > 0) throw tooMany(`too many failed logins: try again in ${wait} seconds`, wait);
    if (pending >= MOST_PENDING) throw tooMany("too many logins at once: try again", 1);
    pending++;
    const accepted = await credentials.verify(user, password).finally(() => pending--);
    onAttempt({ address, user, accepted });
    if (!accepted) {
      limiter.failed(address, user);
      throw new HttpError(401, "unauthenticated", "user or password is wrong");
    }
    limiter.succeeded(address, user);
  }

  async function checkBasic(address: string, header: string): Promise<string> {
    const claim = parseBasic(header);
    if (claim === undefined) throw new HttpError(401, "unauthenticated", "the Authorization header is not valid");
    const key = createHmac("sha256", cacheKey).update(header).digest("base64");
    const known = remembered.get(key);
    const result = known ?? check(address, claim.user, claim.password);
    if (known === undefined) {
      remembered.set(key, result);
      result.catch(() => remembered.delete(key));
    }
    await result;
    return claim.user;
  }

  return {
    async identify({ address, sessionToken, authorization, challenge }) {
      const sessionUser = sessionToken === undefined ? undefined : sessions.find(sessionToken);
      if (sessionUser !== undefined) return sessionUser;
      const headers: Record<string, string> = challenge
        ? { "WWW-Authenticate": 'Basic realm="vmfr", charset="UTF-8"' }
        : {};
      if (authorization === undefined) throw new HttpError(401, "unauthenticated", "log in first", headers);
      try {
        return await checkBasic(address, authorization);
      } catch (error) {
        if (!(error instanceof HttpError) || error.status !== 401) throw error;
        throw new HttpError(401, error.kind, error.message, headers);
      }
    },
    async login(address, user, password) {
      await check(address, user, password);
      return sessions.create(user);
    },
    logout: (sessionToken) => sessions.remove(sessionToken),
  };
}

function parseBasic(header: string): { user: string; password: string } | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/=_-]+) *$/i.exec(header)?.[1];
  const text = encoded === undefined ? "" : Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

function tooMany(message: string, seconds: number): HttpError {
  return new HttpError(429, "too-many-attempts", message, { "Retry-After": String(seconds) });
}
