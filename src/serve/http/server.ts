/** The HTTPS server: one port for the web app, its API, downloads and scripts. */
import type { Server as HttpServer } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { isIPv6 } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { getRequestListener } from "@hono/node-server";
import { displayName, nameFromText } from "../../bytes/byte-name.ts";
import { ConfigError, describeError } from "../../errors.ts";
import type { RestoreTree } from "../../restore-tree/tree-node.ts";
import type { Credentials } from "../credentials.ts";
import type { Logger } from "../log.ts";
import type { ServerCertificate } from "../tls/server-certificate.ts";
import { createApp } from "./app.ts";
import { createAttemptLimiter } from "./attempt-limiter.ts";
import { createAuthenticator } from "./authenticator.ts";
import { createHostCheck } from "./host-check.ts";
import { createSessionTable } from "./session-table.ts";
import { loadWebAssets } from "./web-assets.ts";

export interface HttpServerOptions {
  readonly tree: RestoreTree;
  readonly credentials: Credentials;
  readonly certificate: ServerCertificate;
  /** Name or address to listen on. */
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** Host names clients may use beyond loopback, plain addresses and `host`. */
  readonly allowedHosts?: readonly string[];
  /** Folder of the built web app; without it there is the API only. */
  readonly webRoot?: string;
  readonly logger: Logger;
  /** vmfr's version. */
  readonly version: string;
  /** When the server will end; shown to users. */
  readonly expiresAt?: Date;
  readonly limits?: Partial<HttpServerLimits>;
}

export interface HttpServerLimits {
  readonly connections: number;
  /** How long downloads may go on after close() was asked for. */
  readonly shutdownGraceMs: number;
  /** For a TLS handshake, and for a whole request: headers and body. */
  readonly requestMs: number;
  /** A connection on which nothing moves for so long is cut. */
  readonly idleMs: number;
}

export const defaultHttpServerLimits: HttpServerLimits = {
  connections: 512,
  shutdownGraceMs: 10_000,
  requestMs: 20_000,
  idleMs: 5 * 60_000,
};

export interface RunningHttpServer {
  /** `https://localhost:8443`: what to open. */
  readonly url: string;
  readonly port: number;
  /** Stops accepting, lets downloads run for the grace period, then cuts them. Idempotent. Leaves the tree open. */
  close(): Promise<void>;
}

/** Characters of a name somebody logs in with that are worth logging. */
const LOGGED_NAME = 200;
/** Long paths take three characters a byte. */
const MAX_HEADER_BYTES = 64 * 1024;

/** @throws ConfigError when the port cannot be had or the web app is not where it should be. */
export async function startHttpServer(options: HttpServerOptions): Promise<RunningHttpServer> {
  const { certificate, host, logger } = options;
  const limits = { ...defaultHttpServerLimits, ...options.limits };
  const assets = options.webRoot === undefined ? undefined : await loadWebAssets(options.webRoot);
  const context = {
    tree: options.tree,
    authenticator: createAuthenticator({
      credentials: options.credentials,
      sessions: createSessionTable(),
      limiter: createAttemptLimiter(),
      onAttempt: ({ address, user, accepted }) => {
        const who = { address, user: displayName(nameFromText(user.slice(0, LOGGED_NAME))) };
        if (accepted) logger.info(who, "login");
        else logger.warn(who, "login refused");
      },
    }),
    logger,
    version: options.version,
    ...(options.expiresAt === undefined ? {} : { expiresAt: options.expiresAt }),
  };
  const app = createApp(context, createHostCheck([host, ...(options.allowedHosts ?? [])]), assets);
  const server = createServer(
    {
      cert: certificate.certificateChain,
      key: certificate.privateKey,
      minVersion: "TLSv1.2",
      maxHeaderSize: MAX_HEADER_BYTES,
      handshakeTimeout: limits.requestMs,
      headersTimeout: limits.requestMs,
      requestTimeout: limits.requestMs,
      connectionsCheckingInterval: Math.min(limits.requestMs, 5000),
    },
    getRequestListener(app.fetch, { overrideGlobalObjects: false }),
  );
  server.maxConnections = limits.connections;
  server.timeout = limits.idleMs;
  await listen(server, host, options.port);
  const { port } = server.address() as AddressInfo;
  let closing: Promise<void> | undefined;
  return {
    port,
    url: `https://${urlHost(host)}:${port}`,
    close: () => {
      closing ??= shutDown(server, limits.shutdownGraceMs);
      return closing;
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const refused = (error: Error) =>
      reject(new ConfigError(`cannot listen on ${host}, port ${port}: ${describeError(error)}`, { cause: error }));
    server.once("error", refused);
    server.listen(port, host, () => {
      server.off("error", refused);
      resolve();
    });
  });
}

async function shutDown(server: HttpServer, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = new AbortController();
  const grace = sleep(graceMs, undefined, { signal: timer.signal }).catch(() => undefined);
  await Promise.race([closed, grace]);
  timer.abort();
  server.closeAllConnections();
  await closed;
}

function urlHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "localhost";
  return isIPv6(host) ? `[${host}]` : host;
}
