import { type IncomingMessage, STATUS_CODES } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { createTestCertificates } from "../../../setup/s3-server/test-certificates.ts";
import type { KubernetesApi } from "../../control-plane/kubernetes-api.ts";
import { PORT_FORWARD_PROTOCOL, PortForward } from "./port-forward.ts";
import { SpdyConnection } from "./spdy-connection.ts";

const SPDY = "SPDY/3.1";

/**
 * What a kubelet serves to kube-apiserver, as far as it is played: `/portForward/<namespace>/<pod>`. A real one
 * connects to the pod's own loopback; this one to the pod's address.
 */
export class KubeletServer {
  readonly #api: KubernetesApi;
  readonly #server: Server;
  /** Those that are upgraded, which the server no longer knows. */
  readonly #connections = new Set<Duplex>();

  private constructor(api: KubernetesApi, server: Server) {
    this.#api = api;
    this.#server = server;
    server.on("request", (_, response) => response.writeHead(404).end());
    server.on("upgrade", (request: IncomingMessage, connection: Duplex, head: Buffer) => {
      this.#connections.add(connection);
      connection.once("close", () => this.#connections.delete(connection));
      // A client that breaks off ends the connection's `run`.
      connection.on("error", () => undefined);
      connection.unshift(head);
      this.#upgrade(request, connection).catch(() => connection.destroy());
    });
  }

  /** Listens on a free port of 127.0.0.1 and asks for no certificate: it is for tests of one machine. */
  static async start(api: KubernetesApi): Promise<KubeletServer> {
    const { certificate, key } = await createTestCertificates();
    const server = createServer({ cert: certificate, key });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, "127.0.0.1", resolve);
    });
    return new KubeletServer(api, server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Breaks off what is still forwarded. */
  async close(): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    await new Promise((resolve) => {
      this.#server.close(resolve);
      this.#server.closeAllConnections();
    });
  }

  async #upgrade(request: IncomingMessage, connection: Duplex): Promise<void> {
    const isSpdy = request.headers.upgrade?.toUpperCase() === SPDY;
    const protocols = String(request.headers["x-stream-protocol-version"]).split(/, */);
    if (!isSpdy || !protocols.includes(PORT_FORWARD_PROTOCOL)) return refuse(connection, 400);
    const podIp = () => this.#podIpOf(request.url ?? "");
    if ((await podIp()) === undefined) return refuse(connection, 404);
    const forward = new PortForward(podIp);
    connection.write(
      [
        "HTTP/1.1 101 Switching Protocols",
        "Connection: Upgrade",
        `Upgrade: ${SPDY}`,
        `X-Stream-Protocol-Version: ${PORT_FORWARD_PROTOCOL}`,
        "\r\n",
      ].join("\r\n"),
    );
    await new SpdyConnection(connection, (stream) => forward.accept(stream)).run();
  }

  async #podIpOf(target: string): Promise<string | undefined> {
    const [, namespace, name] = /^\/portForward\/([^/?]+)\/([^/?]+)(?:\?|$)/.exec(target) ?? [];
    if (namespace === undefined) return undefined;
    const pod = await this.#api.find<{ status?: { podIP?: string } }>(`/api/v1/namespaces/${namespace}/pods/${name}`);
    return pod?.status?.podIP;
  }
}

function refuse(connection: Duplex, status: number): void {
  connection.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
