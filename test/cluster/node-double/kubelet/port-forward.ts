import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import type { SpdyStream } from "./spdy-connection.ts";

/** Kubernetes' protocol on top of SPDY, as clients and kubelets name it. */
export const PORT_FORWARD_PROTOCOL = "portforward.k8s.io";

/** The pod's address; undefined once the pod is gone. */
export type PodIp = () => Promise<string | undefined>;

/**
 * The connections that one client forwards to one pod. For each it opens two streams with the same request ID: first
 * one that takes an error message, then one that carries the bytes.
 */
export class PortForward {
  readonly #podIp: PodIp;
  /** By request ID, until the stream for the bytes comes. */
  readonly #errors = new Map<string, SpdyStream>();

  /** @param podIp asked for every connection: the pod may go away meanwhile */
  constructor(podIp: PodIp) {
    this.#podIp = podIp;
  }

  accept(stream: SpdyStream): void {
    const requestId = stream.headers.get("requestid") ?? "";
    if (stream.headers.get("streamtype") === "error") {
      this.#errors.set(requestId, stream);
      // The client only ends its side.
      stream.resume();
      return;
    }
    const errors = this.#errors.get(requestId);
    this.#errors.delete(requestId);
    if (errors === undefined) stream.destroy();
    else void this.#forward(stream, errors);
  }

  /** Ends the stream for errors at last, which the client waits for, with a message when nobody listens. */
  async #forward(stream: SpdyStream, errors: SpdyStream): Promise<void> {
    const port = Number(stream.headers.get("port"));
    let socket: Socket;
    try {
      socket = await this.#connect(port);
    } catch (error) {
      errors.end(`error forwarding port ${port}: ${(error as Error).message}`);
      stream.destroy();
      return;
    }
    try {
      await pipeline(stream, socket, stream);
    } catch {
      // Either may break off at any time; `pipeline` has ended the other.
    }
    errors.end();
  }

  async #connect(port: number): Promise<Socket> {
    const host = await this.#podIp();
    if (host === undefined) throw new Error("the pod is gone");
    const socket = connect({ host, port, allowHalfOpen: true });
    await once(socket, "connect");
    return socket;
  }
}
