/** What every route works with. */
import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";
import type { RestoreTree } from "../../restore-tree/tree-node.ts";
import type { Logger } from "../log.ts";
import type { Authenticator } from "./authenticator.ts";
import type { RequestTarget } from "./request-path.ts";

export interface ServerContext {
  readonly tree: RestoreTree;
  readonly authenticator: Authenticator;
  readonly logger: Logger;
  /** vmfr's version. */
  readonly version: string;
  readonly expiresAt?: Date;
}

export interface HttpEnvironment {
  readonly Bindings: HttpBindings;
  readonly Variables: { target: RequestTarget; user: string };
}

export type HttpContext = Context<HttpEnvironment>;

/** The client's address as the socket has it; forwarded headers can be invented and are not looked at. */
export function clientAddress(c: HttpContext): string {
  return (c.env.incoming.socket.remoteAddress ?? "unknown").replace(/^::ffff:/, "");
}

/** The percent-encoded tree path behind a route's prefix: `/files/a%20b` gives `/a%20b`. */
export function encodedTreePath(c: HttpContext, prefix: string): string {
  const rest = c.get("target").path.slice(prefix.length);
  return rest === "" ? "/" : rest;
}

/** A person at a browser, who is better served by a page than by JSON or a password dialog of the browser's own. */
export function isBrowser(c: HttpContext): boolean {
  return c.req.header("sec-fetch-mode") !== undefined || (c.req.header("accept") ?? "").includes("text/html");
}

export function isNavigation(c: HttpContext): boolean {
  return (c.req.header("accept") ?? "").includes("text/html");
}

/** Aborts when the client goes away before `finished` is called, so that nobody reads a backup for no one. */
export function watchClient(c: HttpContext): { readonly signal: AbortSignal; finished(): void } {
  const controller = new AbortController();
  const { socket } = c.env.incoming;
  const gone = () => controller.abort();
  socket.once("close", gone);
  if (socket.destroyed) gone();
  return { signal: controller.signal, finished: () => socket.off("close", gone) };
}
