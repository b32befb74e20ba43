import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, Agent as HttpsAgent, request as httpsRequest, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { createSessionCertificate } from "../../../src/serve/tls/session-certificate.ts";
import { SeededRandom } from "../../fuzz/ssh/seeded-random.ts";
import type { Cluster } from "../control-plane/cluster.ts";

/** A request that would change something, as it went to the API server. */
export interface Write {
  readonly method: string;
  readonly path: string;
  readonly atMs: number;
}

const LONGEST_DELAY_MS = 150;
const LONGEST_WATCH_MS = 6_000;
/** A connection that is open and says nothing: the client has to notice by itself. */
const STALL_MS = 20_000;

/**
 * Stands between a client and the real API server and does to requests what networks and busy servers do: answers
 * 429, 500 and 503 in its place, cuts connections in the middle of an answer, carries writes out but loses the answer,
 * cuts and stalls watches, tells watches that they are too old, takes its time.
 */
export class FaultProxy {
  readonly certificateAuthority: string;
  readonly writes: Write[] = [];
  /** How many requests met which fault. */
  readonly faults = new Map<string, number>();
  /** Of a hundred requests so many have trouble; 0 passes everything on. */
  trouble = 0;
  /** Watches of this plural that are begun from now on say nothing: changes go unnoticed. */
  silenced: string | undefined;
  readonly #server: Server;
  readonly #target: URL;
  readonly #agent: HttpsAgent;
  readonly #random: SeededRandom;

  private constructor(cluster: Cluster, server: Server, certificateAuthority: string, seed: number) {
    this.#target = new URL(cluster.server);
    this.#agent = new HttpsAgent({ keepAlive: true, ca: cluster.certificateAuthority });
    this.#server = server;
    this.#random = new SeededRandom(seed);
    this.certificateAuthority = certificateAuthority;
    server.on("request", (asked: IncomingMessage, answer: ServerResponse) => this.#take(asked, answer));
  }

  static async start(cluster: Cluster, seed: number): Promise<FaultProxy> {
    const { certificateChain, privateKey, authority = "" } = await createSessionCertificate();
    const server = createServer({ cert: certificateChain, key: privateKey });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new FaultProxy(cluster, server, authority, seed);
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    this.#agent.destroy();
  }

  #take(asked: IncomingMessage, answer: ServerResponse): void {
    const { method = "GET", url = "/" } = asked;
    const isWatch = url.includes("watch=");
    const hasTrouble = this.#random.percent(this.trouble);
    const delay = hasTrouble ? this.#random.below(LONGEST_DELAY_MS) : 0;
    setTimeout(() => {
      if (hasTrouble && !isWatch && this.#refuse(asked, answer)) return;
      if (method !== "GET") this.writes.push({ method, path: url, atMs: performance.now() });
      this.#passOn(asked, answer, hasTrouble, isWatch);
    }, delay);
  }

  /** @returns false when the request is to be passed on */
  #refuse(asked: IncomingMessage, answer: ServerResponse): boolean {
    const status = [429, 500, 503, 0, 0][this.#random.below(5)] ?? 0;
    if (status === 0) return false;
    this.#count(`answered ${status}`);
    asked.resume();
    const headers = { "content-type": "application/json", ...(status === 429 ? { "retry-after": "1" } : {}) };
    answer.writeHead(status, headers);
    answer.end(
      JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", code: status, message: "trouble" }),
    );
    return true;
  }

  #passOn(asked: IncomingMessage, answer: ServerResponse, hasTrouble: boolean, isWatch: boolean): void {
    const { hostname, port } = this.#target;
    const { host: _, ...headers } = asked.headers;
    const options = { hostname, port, path: asked.url, method: asked.method, headers, agent: this.#agent };
    const passed = httpsRequest(options, (answered) => {
      answer.writeHead(answered.statusCode ?? 502, answered.headers);
      // Watches begin with an answer, their first event may be long in coming.
      answer.flushHeaders();
      if (isWatch && this.#isSilenced(asked)) answered.resume();
      else if (hasTrouble && isWatch) this.#troubleWatch(answered, answer);
      else if (hasTrouble) this.#loseAnswer(asked, answered, answer);
      else answered.pipe(answer);
      answered.once("error", () => answer.destroy());
    });
    passed.once("error", () => answer.destroy());
    answer.once("close", () => passed.destroy());
    asked.pipe(passed);
  }

  #isSilenced({ url = "" }: IncomingMessage): boolean {
    if (this.silenced === undefined || !url.includes(`/${this.silenced}?`)) return false;
    this.#count("watch silenced");
    return true;
  }

  /** The API server has done what was asked; whoever asked cannot know. */
  #loseAnswer(asked: IncomingMessage, answered: IncomingMessage, answer: ServerResponse): void {
    this.#count(asked.method === "GET" ? "answer cut" : "write carried out, answer lost");
    answered.once("data", (chunk: Buffer) => {
      answer.write(chunk.subarray(0, chunk.length >> 1), () => answer.destroy());
    });
    answered.once("end", () => answer.destroy());
  }

  #troubleWatch(answered: IncomingMessage, answer: ServerResponse): void {
    const kind = this.#random.below(3);
    this.#count(["watch cut", "watch stalled", "watch too old"][kind] ?? "");
    answered.pipe(answer);
    setTimeout(() => {
      answered.unpipe(answer);
      answered.resume();
      if (kind === 0) return answer.destroy();
      if (kind === 1) return void setTimeout(() => answer.destroy(), STALL_MS).unref();
      const status = {
        kind: "Status",
        apiVersion: "v1",
        status: "Failure",
        reason: "Expired",
        code: 410,
        message: "old",
      };
      answer.end(`${JSON.stringify({ type: "ERROR", object: status })}\n`);
    }, this.#random.below(LONGEST_WATCH_MS)).unref();
  }

  #count(fault: string): void {
    this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1);
  }
}
