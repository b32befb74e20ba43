/**
 * Probes, inventory and metrics of one container, plain HTTP on a port of its own: for the kubelet, the operator
 * and Prometheus, which the pod's NetworkPolicy lets in. Says which file systems there are, never a file's name.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { describeError } from "../../errors.ts";
import { type Listener, listen } from "../../operator/observability/http-listener.ts";
import type { Inventory } from "../../restore-tree/tree-node.ts";
import type { Readiness } from "./readiness.ts";

export interface HealthServerOptions {
  readonly host: string | undefined;
  /** 0 takes any free one. */
  readonly port: number;
  readiness(): Readiness;
  inventory(): Promise<Inventory>;
}

/** @throws ConfigError when the port cannot be had. */
export async function startHealthServer(options: HealthServerOptions): Promise<Listener> {
  const metrics = createMetrics(options);
  return listen(options, (request, response) => {
    answer(request, response, options, metrics).catch((error: unknown) => {
      response.writeHead(500, { "content-type": "text/plain" }).end(`${describeError(error)}\n`);
    });
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { readiness, inventory }: HealthServerOptions,
  metrics: Registry,
): Promise<void> {
  const send = (status: number, type: string, body: string): void => {
    response.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(body);
  };
  if (request.method !== "GET" && request.method !== "HEAD") return send(405, "text/plain", "only GET and HEAD\n");
  switch (request.url) {
    case "/healthz":
      return send(200, "text/plain", "ok\n");
    case "/readyz": {
      const { ready, reasons } = readiness();
      return send(ready ? 200 : 503, "text/plain", ready ? "ok\n" : `${reasons.join("\n")}\n`);
    }
    case "/inventory":
      return send(200, "application/json", JSON.stringify(await inventory()));
    case "/metrics":
      return send(200, metrics.contentType, await metrics.metrics());
    default:
      return send(404, "text/plain", "there are /healthz, /readyz, /inventory and /metrics\n");
  }
}

function createMetrics({ inventory }: HealthServerOptions): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: "vmfr_disks",
    help: "Disks of the served backups, by state",
    labelNames: ["state"],
    registers: [registry],
    async collect() {
      this.reset();
      for (const { disks } of (await inventory()).backups) for (const { state } of disks) this.inc({ state });
    },
  });
  return registry;
}
