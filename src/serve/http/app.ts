/** Every route of the server. What is registered before `requireUser` is public, all the rest is not. */
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { describeError } from "../../errors.ts";
import { archiveRoute } from "./archive-route.ts";
import {
  encodedTreePath,
  type HttpContext,
  type HttpEnvironment,
  isNavigation,
  type ServerContext,
  watchClient,
} from "./context.ts";
import { describeDetails } from "./entry.ts";
import { errorAnswer, errorPage, HttpError, isUnexpected } from "./error-response.ts";
import { fileRoute } from "./file-route.ts";
import type { HostCheck } from "./host-check.ts";
import { listPage, parsePageRequest } from "./listing.ts";
import { openApiDocument } from "./openapi.ts";
import { checkHost, checkTarget, refuseCrossSite, requireUser, secureAnswers } from "./request-guards.ts";
import { decodePath } from "./request-path.ts";
import { logIn, logOut, showSession } from "./session-routes.ts";
import type { WebAssets } from "./web-assets.ts";
import { findAsset, sendAsset } from "./web-routes.ts";

export type HttpApp = Hono<HttpEnvironment>;

/** A login is two short texts. */
const LARGEST_BODY = 4096;

export function createApp(server: ServerContext, hosts: HostCheck, assets: WebAssets | undefined): HttpApp {
  // The path exactly as sent: routing on a normalised one would open a gap between what is checked and what is served.
  const app: HttpApp = new Hono<HttpEnvironment>({
    getPath: (_request, options) =>
      rawPath((options?.env as HttpEnvironment["Bindings"] | undefined)?.incoming.url ?? "/"),
  });
  app.onError((error, c) => failure(server, error, c));
  app.notFound((c) => failure(server, new HttpError(404, "not-found", "there is nothing at this address"), c));
  app.use(secureAnswers);
  addProbes(app);
  app.use(checkTarget, checkHost(hosts), refuseCrossSite);
  app.post("/api/v1/session", bodyLimit({ maxSize: LARGEST_BODY, onError: tooLarge }), (c) => logIn(server, c));
  if (assets !== undefined) addApp(app, assets);
  app.use(requireUser(server));
  addApi(app, server);
  for (const route of ["/files", "/files/*"]) {
    app.get(route, (c) => withClient(c, (signal) => fileRoute(server, c, signal)));
  }
  for (const route of ["/archive", "/archive/*"]) {
    app.get(route, (c) => withClient(c, (signal) => archiveRoute(server, c, signal)));
  }
  return app;
}

/** Before the host check: kubelets and load balancers ask by address or by names of their own. */
function addProbes(app: HttpApp): void {
  app.get("/healthz", (c) => c.text("ok\n"));
  app.get("/readyz", (c) => c.text("ok\n"));
}

function addApp(app: HttpApp, assets: WebAssets): void {
  app.get("*", async (c, next) => {
    const asset = findAsset(assets, c.get("target").path);
    return asset === undefined ? next() : sendAsset(c, asset);
  });
}

function addApi(app: HttpApp, server: ServerContext): void {
  app.get("/api/v1/session", (c) => showSession(server, c));
  app.delete("/api/v1/session", (c) => logOut(server, c));
  app.get("/api/v1/inventory", async (c) => c.json(await server.tree.inventory()));
  app.get("/api/v1/openapi.json", (c) => c.json(openApiDocument(server.version)));
  for (const route of ["/api/v1/tree", "/api/v1/tree/*"]) {
    app.get(route, (c) => withClient(c, (signal) => treeRoute(server, c, signal)));
  }
  for (const route of ["/api/v1/stat", "/api/v1/stat/*"]) {
    app.get(route, (c) => withClient(c, (signal) => statRoute(server, c, signal)));
  }
}

async function treeRoute(server: ServerContext, c: HttpContext, signal: AbortSignal): Promise<Response> {
  const page = parsePageRequest(c.get("target").query);
  const directory = await server.tree.resolve(decodePath(encodedTreePath(c, "/api/v1/tree")), { signal });
  return c.json(await listPage(server.tree, directory, page, signal));
}

async function statRoute(server: ServerContext, c: HttpContext, signal: AbortSignal): Promise<Response> {
  const path = decodePath(encodedTreePath(c, "/api/v1/stat"));
  const node = await server.tree.resolve(path, { signal, followLast: false });
  return c.json(await describeDetails(server.tree, node, signal));
}

async function withClient(c: HttpContext, answer: (signal: AbortSignal) => Promise<Response>): Promise<Response> {
  const client = watchClient(c);
  try {
    return await answer(client.signal);
  } finally {
    client.finished();
  }
}

function failure(server: ServerContext, error: unknown, c: HttpContext): Response {
  if (c.env.outgoing.destroyed) return RESPONSE_ALREADY_SENT;
  if (isUnexpected(error)) server.logger.error({ reason: describeError(error), error }, "request failed unexpectedly");
  const { status, headers, body } = errorAnswer(error);
  for (const [name, value] of Object.entries(headers)) c.header(name, value);
  // Every status in the tables is one that carries a body.
  if (isNavigation(c)) return c.html(errorPage(body.error.message), status as ContentfulStatusCode);
  return c.json(body, status as ContentfulStatusCode);
}

function tooLarge(): never {
  throw new HttpError(413, "bad-request", "the request's body is too large");
}

function rawPath(url: string): string {
  const question = url.indexOf("?");
  return question < 0 ? url : url.slice(0, question);
}
