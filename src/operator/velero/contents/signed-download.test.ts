import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { AccessError, LimitError, SourceError, VmfrError } from "../../../errors.ts";
import { ObjectNotFoundError } from "../../../object-store/object-not-found-error.ts";
import { type DownloadOptions, downloadSigned } from "./signed-download.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/bucket/key?X-Amz-Signature=secret`;
}

async function download(url: string, options: Partial<DownloadOptions> = {}): Promise<string> {
  const chunks: Uint8Array[] = [];
  const defaults = { store: "Velero", key: "k", trust: {}, signal: new AbortController().signal, idleMs: 5_000 };
  for await (const chunk of downloadSigned(url, { ...defaults, maxBytes: 1_000, ...options })) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function failure(url: string, options: Partial<DownloadOptions> = {}): Promise<VmfrError> {
  const error = await download(url, options).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof VmfrError)) throw error;
  expect(error.message).not.toContain("secret");
  return error;
}

test("the bytes at the URL", async () => {
  expect(await download(await serve((_request, response) => response.end("hello")))).toBe("hello");
});

test.each<[number, new (...args: never[]) => VmfrError, boolean]>([
  [404, ObjectNotFoundError, false],
  [403, AccessError, false],
  [500, SourceError, true],
  [503, SourceError, true],
  [307, SourceError, false],
])("status %i", async (status, kind, retryable) => {
  const url = await serve((_request, response) => response.writeHead(status, { location: "http://x.test/" }).end());
  const error = await failure(url);
  expect(error).toBeInstanceOf(kind);
  expect(error instanceof SourceError && error.retryable).toBe(retryable);
});

test("an answer that breaks off is not taken for the whole", async () => {
  const url = await serve((_request, response) => {
    response.writeHead(200, { "content-length": "10" }).write("hello", () => response.destroy());
  });
  expect(await failure(url)).toMatchObject({ retryable: true });
});

test("an answer without end is cut off", async () => {
  const url = await serve((_request, response) => response.end("x".repeat(5_000)));
  expect(await failure(url)).toBeInstanceOf(LimitError);
});

test("a server that falls silent", async () => {
  const silent = await serve(() => undefined);
  expect((await failure(silent, { idleMs: 50 })).message).toContain("no answer for 0.05 s");
  const stalls = await serve((_request, response) => response.writeHead(200, { "content-length": "10" }).write("hel"));
  expect(await failure(stalls, { idleMs: 50 })).toMatchObject({ retryable: true });
});

test.each([
  ["no URL", "Velero answered with something that is no URL"],
  ["file:///etc/passwd", "a URL of file:, which is not read"],
  ["http://127.0.0.1:1/?secret", "the bucket cannot be reached (ECONNREFUSED)"],
])("%s", async (url, message) => {
  expect((await failure(url)).message).toContain(message);
});

test("an abort ends it with the caller's reason", async () => {
  const abort = new AbortController();
  const url = await serve(() => abort.abort(new Error("enough")));
  await expect(download(url, { signal: abort.signal })).rejects.toThrow("enough");
});
