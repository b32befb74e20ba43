import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, Agent as HttpsAgent, request as httpsRequest, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { createSessionCertificate } from "../../src/serve/tls/session-certificate.ts";
import type { Cluster } from "../../test/cluster/control-plane/cluster.ts";

/** Stands between one client and the API server, passes everything on and counts it. */
export class CountingProxy {
  readonly certificateAuthority: string;
  /** Requests by verb and resource, such as `PATCH secrets`; a watch counts once. */
  readonly requests = new Map<string, number>();
  readonly #server: Server;
  readonly #target: URL;
  readonly #agent: HttpsAgent;

  private constructor(cluster: Cluster, server: Server, certificateAuthority: string) {
    this.#target = new URL(cluster.server);
    this.#agent = new HttpsAgent({ keepAlive: true, ca: cluster.certificateAuthority });
    this.#server = server;
    this.certificateAuthority = certificateAuthority;
    server.on("request", (asked: IncomingMessage, answer: ServerResponse) => this.#passOn(asked, answer));
  }

  static async start(cluster: Cluster): Promise<CountingProxy> {
    const { certificateChain, privateKey, authority = "" } = await createSessionCertificate();
    const server = createServer({ cert: certificateChain, key: privateKey });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new CountingProxy(cluster, server, authority);
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get total(): number {
    return [...this.requests.values()].reduce((sum, count) => sum + count, 0);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    this.#agent.destroy();
  }

  #passOn(asked: IncomingMessage, answer: ServerResponse): void {
    const { method, url = "/", headers } = asked;
    const what = `${url.includes("watch=") ? "WATCH" : method} ${resourceOf(url)}`;
    this.requests.set(what, (this.requests.get(what) ?? 0) + 1);
    const { hostname, port } = this.#target;
    const { host: _, ...passedHeaders } = headers;
    const options = { hostname, port, path: url, method, headers: passedHeaders, agent: this.#agent };
    const passed = httpsRequest(options, (answered) => {
      answer.writeHead(answered.statusCode ?? 502, answered.headers);
      // Watches begin with an answer, their first event may be long in coming.
      answer.flushHeaders();
      answered.pipe(answer);
      answered.once("error", () => answer.destroy());
    });
    passed.once("error", () => answer.destroy());
    answer.once("close", () => passed.destroy());
    asked.pipe(passed);
  }
}

/** The plural, and the subresource: `pods`, `virtualmachinefilerestores/status`. */
function resourceOf(url: string): string {
  const [path = ""] = url.split("?");
  const parts = path.replace(/^\/(api\/v1|apis\/[^/]+\/[^/]+)\/?/, "").split("/");
  const [resource = "", , subresource] = parts[0] === "namespaces" && parts.length > 2 ? parts.slice(2) : parts;
  return subresource === undefined ? resource : `${resource}/${subresource}`;
}
