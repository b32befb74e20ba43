/** How calls reach the API server and prove who makes them; renewed while the process runs. */
import { createHash } from "node:crypto";
import http from "node:http";
import https from "node:https";
import type { Clock } from "./clock.ts";

/** What one call is made with. */
export interface Authorization {
  readonly agent: http.Agent;
  /** Holds the token: never to be logged. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface ClusterCredentials {
  /** The API server; its path, if it has one, comes before every path. */
  readonly server: URL;
  /** Where the caller lives, or what the kubeconfig's context names. */
  readonly namespace: string | undefined;
  /**
   * @param fresh true after the API server has refused the last one: read everything again
   * @throws ConfigError or AccessError when files cannot be read or the credential plugin fails
   */
  authorize(fresh?: boolean): Promise<Authorization>;
  /** Ends the connections that are kept open. */
  close(): void;
}

/** What files and plugins say now; tokens and certificates are replaced while the process runs. */
export interface Identity {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsIdentity;
  /** Connects by way of a proxy. */
  readonly proxyAgent?: http.Agent;
}

export interface TlsIdentity {
  readonly ca?: string | Buffer | undefined;
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
  /** The name that the server's certificate must have, when it is not the URL's. */
  readonly servername?: string | undefined;
  readonly rejectUnauthorized?: boolean | undefined;
}

/** Kubelets replace a projected token long before it ends, so a few seconds of the old one do no harm. */
const IDENTITY_AGE_MS = 10_000;
/** Probes of the kernel, so that a peer which is gone without a word is noticed. */
const KEEP_ALIVE_PROBE_MS = 30_000;
const IDLE_CONNECTION_MS = 60_000;

/** Credentials that read their identity again every few seconds, once for all the calls that wait for it. */
export class RenewedCredentials implements ClusterCredentials {
  readonly server: URL;
  readonly namespace: string | undefined;
  readonly #load: (fresh: boolean) => Promise<Identity>;
  readonly #clock: Clock;
  #agent: { readonly digest: string; readonly agent: http.Agent } | undefined;
  #current: { readonly since: number; readonly authorization: Promise<Authorization> } | undefined;

  constructor(
    place: { readonly server: URL; readonly namespace: string | undefined },
    load: (fresh: boolean) => Promise<Identity>,
    clock: Clock,
  ) {
    this.server = place.server;
    this.namespace = place.namespace;
    this.#load = load;
    this.#clock = clock;
  }

  async authorize(fresh = false): Promise<Authorization> {
    const now = this.#clock.monotonic();
    if (this.#current === undefined || fresh || now - this.#current.since > IDENTITY_AGE_MS) {
      this.#current = { since: now, authorization: this.#renew(fresh) };
    }
    const { authorization } = this.#current;
    try {
      return await authorization;
    } catch (error) {
      if (this.#current?.authorization === authorization) this.#current = undefined;
      throw error;
    }
  }

  close(): void {
    this.#agent?.agent.destroy();
  }

  async #renew(fresh: boolean): Promise<Authorization> {
    const { headers, tls, proxyAgent } = await this.#load(fresh);
    const digest = digestOf(tls);
    // A connection belongs to the certificate it was made with. Calls under way keep the agent they have.
    if (this.#agent?.digest !== digest) this.#agent = { digest, agent: proxyAgent ?? this.#createAgent(tls) };
    return { headers, agent: this.#agent.agent };
  }

  #createAgent(tls: TlsIdentity): http.Agent {
    const options = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE_PROBE_MS, timeout: IDLE_CONNECTION_MS };
    if (this.server.protocol === "http:") return new http.Agent(options);
    const given = Object.entries(tls).filter(([, value]) => value !== undefined);
    return new https.Agent({ ...options, ...Object.fromEntries(given) });
  }
}

function digestOf(tls: TlsIdentity): string {
  const hash = createHash("sha256");
  for (const part of [tls.ca, tls.cert, tls.key, tls.servername, String(tls.rejectUnauthorized)]) {
    const bytes = Buffer.from(part ?? "");
    hash.update(`${bytes.length}:`).update(bytes);
  }
  return hash.digest("hex");
}
