import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import type { V1Probe } from "@kubernetes/client-node";
import type { ContainerProcess } from "./container-process.ts";
import type { Environment } from "./environment.ts";
import type { Container } from "./pod-objects.ts";

/** Whom a probe asks. */
export interface ProbeTarget {
  readonly podIp: string;
  readonly container: Container;
  readonly process: ContainerProcess;
  readonly environment: Environment;
}

/** Runs a probe once, the way a kubelet does. */
export async function probe(definition: V1Probe, target: ProbeTarget): Promise<boolean> {
  const timeoutMs = (definition.timeoutSeconds ?? 1) * 1000;
  const { httpGet, tcpSocket, exec } = definition;
  try {
    if (httpGet !== undefined) {
      const host = httpGet.host ?? target.podIp;
      const port = portOf(target.container, httpGet.port);
      const url = `${(httpGet.scheme ?? "HTTP").toLowerCase()}://${host}:${port}${httpGet.path ?? "/"}`;
      const status = await statusOf(url, timeoutMs);
      return status >= 200 && status < 400;
    }
    if (tcpSocket !== undefined) {
      await connects(tcpSocket.host ?? target.podIp, portOf(target.container, tcpSocket.port), timeoutMs);
      return true;
    }
    if (exec?.command !== undefined) {
      await target.process.execute(exec.command, target.environment);
      return true;
    }
  } catch {
    return false;
  }
  throw new Error("the node double does not know this kind of probe");
}

function portOf(container: Container, port: number | string | object): number {
  if (typeof port === "number") return port;
  const named = container.ports?.find(({ name }) => name === port);
  if (named === undefined) throw new Error(`no port ${JSON.stringify(port)}`);
  return named.containerPort;
}

/** Certificates are not looked at, as a kubelet does not. */
function statusOf(url: string, timeout: number): Promise<number> {
  const ask = url.startsWith("https:") ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const sent = ask(url, { timeout, rejectUnauthorized: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.once("timeout", () => sent.destroy(new Error("timed out")));
    sent.once("error", reject).end();
  });
}

function connects(host: string, port: number, timeout: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout }, () => {
      socket.destroy();
      resolve();
    });
    socket.once("timeout", () => socket.destroy(new Error("timed out")));
    socket.once("error", reject);
  });
}
