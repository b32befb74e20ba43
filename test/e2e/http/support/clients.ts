import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import { PASSWORD, type TestServer, USER } from "./test-server.ts";

export interface Finished {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs a real client to its end. */
export function run(command: string, args: readonly string[], input?: Uint8Array): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.on("error", reject);
    child.on("close", (code) =>
      resolve({ code, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() }),
    );
    child.stdin.end(input);
  });
}

/** The real curl with the session's authority and HTTP Basic; `target` is the path, sent as it is. */
export function curl(server: TestServer, target: string, ...args: readonly string[]): Promise<Finished> {
  const common = [
    "--silent",
    "--show-error",
    "--path-as-is",
    "--cacert",
    server.caFile,
    "--user",
    `${USER}:${PASSWORD}`,
  ];
  return run("curl", [...common, ...args, `${server.url}${target}`]);
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
}

/** A request whose target and headers are sent exactly as given. */
export function ask(
  server: TestServer,
  target: string,
  { method = "GET", headers = {}, body }: Ask = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = {
      host: "127.0.0.1",
      port: server.port,
      path: target,
      method,
      headers,
      ca: readFileSync(server.caFile),
      agent: false,
      servername: "localhost",
    };
    const request = httpsRequest(options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    request.on("error", reject);
    request.end(body);
  });
}

export const BASIC = { authorization: `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString("base64")}` };

export function logIn(
  server: TestServer,
  user = USER,
  password = PASSWORD,
  headers: OutgoingHttpHeaders = {},
): Promise<Answer> {
  return ask(server, "/api/v1/session", {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ user, password }),
  });
}

/** The cookie header of a fresh session. */
export async function sessionCookie(server: TestServer): Promise<string> {
  const cookie = (await logIn(server)).headers["set-cookie"]?.[0];
  return cookie?.split(";")[0] ?? "";
}
