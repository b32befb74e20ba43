/** What every request must pass before a route sees it. */
import { getCookie } from "hono/cookie";
import { createMiddleware } from "hono/factory";
import { SESSION_COOKIE } from "./authenticator.ts";
import { clientAddress, type HttpEnvironment, isBrowser, type ServerContext } from "./context.ts";
import { HttpError } from "./error-response.ts";
import type { HostCheck } from "./host-check.ts";
import { parseRequestTarget } from "./request-path.ts";
import { commonHeaders, DATA_POLICY } from "./security-headers.ts";

/** Headers for every answer; routes have set their own where these do not fit. */
export const secureAnswers = createMiddleware<HttpEnvironment>(async (c, next) => {
  await next();
  if (c.env.outgoing.headersSent) return;
  for (const [name, value] of Object.entries(commonHeaders(c.req.header("host")))) c.header(name, value);
  if (!c.res.headers.has("content-security-policy")) c.header("Content-Security-Policy", DATA_POLICY);
  if (!c.res.headers.has("cache-control")) c.header("Cache-Control", "private, no-store");
});

/** Parses the target as it was sent; what it refuses reaches no route at all. */
export const checkTarget = createMiddleware<HttpEnvironment>(async (c, next) => {
  c.set("target", parseRequestTarget(c.env.incoming.url ?? ""));
  await next();
});

export const checkHost = (hosts: HostCheck) =>
  createMiddleware<HttpEnvironment>(async (c, next) => {
    if (!hosts.allows(c.req.header("host"))) {
      throw new HttpError(421, "forbidden", "this server does not answer to that host name");
    }
    await next();
  });

/**
 * Refuses what a page of another site makes a browser send (Fetch Metadata, and Origin for browsers without it).
 * Following a link to here is fine; scripts and curl send neither header.
 */
export const refuseCrossSite = createMiddleware<HttpEnvironment>(async (c, next) => {
  const site = c.req.header("sec-fetch-site") ?? "none";
  const origin = c.req.header("origin");
  const safe = c.req.method === "GET" || c.req.method === "HEAD";
  const followedLink = safe && c.req.header("sec-fetch-mode") === "navigate";
  const foreignSite = site !== "same-origin" && site !== "none";
  const foreignOrigin = origin !== undefined && origin !== `https://${c.req.header("host")}`;
  if ((foreignSite && !followedLink) || (foreignOrigin && !safe)) {
    throw new HttpError(403, "forbidden", "requests from other sites are refused");
  }
  await next();
});

export const requireUser = (server: ServerContext) =>
  createMiddleware<HttpEnvironment>(async (c, next) => {
    const user = await server.authenticator.identify({
      address: clientAddress(c),
      sessionToken: getCookie(c, SESSION_COOKIE),
      authorization: c.req.header("authorization"),
      challenge: !isBrowser(c),
    });
    c.set("user", user);
    await next();
  });
