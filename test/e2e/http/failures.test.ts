import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { CorruptDataError, SourceError, UnsupportedFeatureError } from "../../../src/errors.ts";
import { ask, BASIC, curl, run } from "./support/clients.ts";
import { GeneratedSource, generatedBytes } from "./support/faulty-file-system.ts";
import { DISK, startTestServer, type TestServer } from "./support/test-server.ts";

const MIB = 1024 * 1024;
const damage = new CorruptDataError({ format: "qcow2", structure: "cluster 9" }, "checksum does not match");
/** curl's own words: partial file, receive failure, HTTP/2 stream error. */
const CUT = [18, 56, 92];

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

test("a file that turns out damaged half-way cuts the connection: curl fails and holds only right bytes", async () => {
  const server = await startTestServer();
  const source = new GeneratedSource(8 * MIB, 3 * MIB, damage);
  server.files.badFile(2, "damaged", source);
  const { code, stdout } = await curl(server, `/files${DISK}/damaged`, "--fail");
  expect(CUT).toContain(code);
  expect(stdout.length).toBeLessThan(8 * MIB);
  expect(sha256(stdout)).toBe(sha256(generatedBytes(0, stdout.length)));
  expect(source.closed).toBe(1);
  expect(server.log.at(-1)).toMatchObject({
    level: "error",
    message: "file read: failed, connection cut",
    reason: damage.message,
  });
});

test("an archive with such a file is cut too, in every format", async () => {
  const server = await startTestServer();
  const directory = server.files.directory(2, "d");
  server.files.badFile(directory, "damaged", new GeneratedSource(8 * MIB, 3 * MIB, damage));
  server.files.file(directory, "good", "x");
  for (const format of ["tar", "tar.gz", "zip"]) {
    const { code } = await curl(
      server,
      `/archive${DISK}/d?format=${format}`,
      "--fail",
      "-o",
      path.join(server.scratch, "a"),
    );
    // 22: so little was packed that the failure came before the first byte, and the answer has a status.
    expect([format, [22, ...CUT].includes(code ?? 0)]).toEqual([format, true]);
  }
});

test("what cannot be read from its first byte on has a status and a reason", async () => {
  const server = await startTestServer();
  const unreadable = (name: string, failure: Error) =>
    server.files.badFile(2, name, new GeneratedSource(MIB, 0, failure));
  unreadable("damaged", damage);
  unreadable("encrypted", new UnsupportedFeatureError("ext4", ["encrypt"]));
  unreadable("gone", new SourceError("the bucket does not answer", { retryable: true }));
  unreadable("bug", new TypeError("secret detail"));
  const answers: Record<string, unknown> = {};
  for (const name of ["damaged", "encrypted", "gone", "bug"]) {
    const { status, body } = await ask(server, `/files${DISK}/${name}`, { headers: BASIC });
    answers[name] = [status, JSON.parse(body.toString()).error.kind];
    expect(body.toString()).not.toContain("secret");
  }
  expect(answers).toEqual({
    damaged: [500, "corrupt-data"],
    encrypted: [501, "unsupported-feature"],
    gone: [502, "source"],
    bug: [500, "internal"],
  });
});

/** Starts a download and gives it back unread. */
function startDownload(server: TestServer, target: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const options = {
      host: "127.0.0.1",
      port: server.port,
      path: target,
      headers: BASIC,
      ca: readFileSync(server.caFile),
      agent: false,
    };
    httpsRequest(options, resolve).on("error", reject).end();
  });
}

test("when the client leaves, nothing more is read", async () => {
  const server = await startTestServer();
  const source = new GeneratedSource(1024 * MIB);
  server.files.badFile(2, "huge", source);
  const response = await startDownload(server, `/files${DISK}/huge`);
  await new Promise((resolve) => response.once("data", resolve));
  response.destroy();
  await vi.waitFor(() => expect(source.closed).toBe(1), 5000);
  const read = source.bytesRead;
  await sleep(200);
  expect(source.bytesRead).toBe(read);
  expect(read).toBeLessThan(64 * MIB);
  expect(server.log.at(-1)).toMatchObject({ level: "info", message: "file read: not finished, the connection ended" });
});

test("a client that does not read makes the server read and keep little", async () => {
  const server = await startTestServer();
  const sources = Array.from({ length: 8 }, () => new GeneratedSource(1024 * MIB));
  sources.forEach((source, index) => {
    server.files.badFile(2, `huge${index}`, source);
  });
  const before = process.memoryUsage().rss;
  const responses = await Promise.all(sources.map((_, index) => startDownload(server, `/files${DISK}/huge${index}`)));
  for (const response of responses) response.pause();
  await sleep(1500);
  for (const source of sources) expect(source.bytesRead).toBeLessThan(24 * MIB);
  expect(process.memoryUsage().rss - before).toBeLessThan(256 * MIB);
  for (const response of responses) response.destroy();
  await vi.waitFor(() => expect(sources.every((source) => source.closed === 1)).toBe(true), 5000);
});

test("closing the server ends idle connections at once and cuts downloads after the grace period", async () => {
  const server = await startTestServer({ limits: { shutdownGraceMs: 300 } });
  server.files.badFile(2, "huge", new GeneratedSource(4096 * MIB));
  const download = curl(server, `/files${DISK}/huge`, "--limit-rate", "1M", "-o", path.join(server.scratch, "huge"));
  await vi.waitFor(() => expect(server.log.some(({ message }) => message === "login")).toBe(true), 5000);
  await sleep(300);
  const startedAt = performance.now();
  await server.close();
  expect(performance.now() - startedAt).toBeLessThan(3000);
  expect(CUT).toContain((await download).code);
  expect((await run("curl", ["-sk", `${server.url}/healthz`])).code).toBe(7);
});

test("a file with damaged metadata is listed with its reason, and the rest as always", async () => {
  const server = await startTestServer();
  const bad = server.files.file(2, "bad", "x");
  server.files.file(2, "good", "y");
  server.files.break(bad, new CorruptDataError({ format: "ext4", structure: "inode 12" }, "checksum does not match"));
  const { status, body } = await ask(server, `/api/v1/tree${DISK}`, { headers: BASIC });
  expect(status).toBe(200);
  expect(JSON.parse(body.toString()).entries).toMatchObject([
    { name: "bad", href: "bad", error: "ext4: inode 12: checksum does not match" },
    { name: "good", size: 1 },
  ]);
});
