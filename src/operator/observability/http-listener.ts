import { createServer as createHttpServer, type RequestListener, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { ConfigError } from "../../errors.ts";

/** As flags give it: `:8081`, `127.0.0.1:8443`, `[::1]:8443`; `0` for none. */
export interface ListenAddress {
  readonly host: string | undefined;
  readonly port: number;
}

/** Undefined for `0`, which switches a server off. @throws ConfigError */
export function parseListenAddress(text: string): ListenAddress | undefined {
  if (text === "0") return undefined;
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) throw new ConfigError(`"${text}" is no address to listen on, such as :8081`);
  const host = match[1] ?? match[2];
  return { host: host === "" ? undefined : host, port };
}

export interface Listener {
  readonly port: number;
  close(): Promise<void>;
}

const REQUEST_MS = 10_000;

/** @param tls PEM; plain HTTP without it. @throws ConfigError when the address cannot be had */
export async function listen(
  { host, port }: ListenAddress,
  handler: RequestListener,
  tls?: { readonly cert: string; readonly key: string },
): Promise<Listener> {
  const timeouts = { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS };
  const server: Server =
    tls === undefined
      ? createHttpServer(timeouts, handler)
      : createHttpsServer({ ...timeouts, ...tls, minVersion: "TLSv1.2" }, handler);
  server.maxConnections = 64;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) =>
      reject(new ConfigError(`cannot listen on port ${port}: ${cause.message}`, { cause })),
    );
    server.listen({ port, ...(host !== undefined && { host }) }, () => resolve());
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
