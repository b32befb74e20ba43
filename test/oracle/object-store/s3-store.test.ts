import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { inspect } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { AccessError, SourceError } from "../../../src/errors.ts";
import { RetryingStore } from "../../../src/object-store/retrying-store.ts";
import type { S3Options } from "../../../src/object-store/s3-options.ts";
import { S3Store } from "../../../src/object-store/s3-store.ts";
import { type S3Server, type S3ServerOptions, startS3Server } from "../../setup/s3-server/s3-server.ts";
import { createTestCertificates } from "../../setup/s3-server/test-certificates.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { describeObjectStore } from "./describe-object-store.ts";

async function serve(options: S3ServerOptions): Promise<S3Server> {
  const server = await startS3Server(options);
  onTestFinished(() => server.close());
  return server;
}

async function connect(server: S3Server, options: Partial<S3Options> = {}): Promise<S3Store> {
  const store = await S3Store.open({
    bucket: server.bucket,
    prefix: "",
    endpoint: server.endpoint,
    pathStyle: true,
    credentials: server.credentials,
    ...options,
  });
  onTestFinished(() => store.close());
  return store;
}

function oneObject(): string {
  const directory = scratchDirectory();
  writeFileSync(path.join(directory, "object"), Buffer.alloc(200_000, "abc"));
  return directory;
}

describeObjectStore("S3 over HTTP, three keys a page", async (directory) =>
  connect(await serve({ directory, bucket: "backups", pageSize: 3 })),
);

describeObjectStore("S3 over HTTPS with an authority of its own, below a prefix", async (directory) => {
  const moved = path.join(scratchDirectory(), "bucket/clusters/one");
  mkdirSync(path.dirname(moved), { recursive: true });
  renameSync(directory, moved);
  const tls = await createTestCertificates();
  const caFile = path.join(scratchDirectory(), "ca.pem");
  writeFileSync(caFile, tls.ca);
  const server = await serve({ directory: path.resolve(moved, "../.."), bucket: "backups", tls });
  return await connect(server, { prefix: "clusters/one/", caFile });
});

test("an unknown authority is refused, and accepted only when told so", async () => {
  const server = await serve({ directory: oneObject(), bucket: "b", tls: await createTestCertificates() });
  await expect((await connect(server)).get("object")).rejects.toThrow(/certificate is not trusted.*caFile/);
  const trusting = await connect(server, { insecureSkipTLSVerify: true });
  expect((await trusting.get("object")).length).toBe(200_000);
});

test.each([
  [
    "wrong secret",
    { credentials: { accessKeyId: "test-access-key", secretAccessKey: "wrong" } },
    /does not accept the credentials/,
  ],
  [
    "unknown key",
    { credentials: { accessKeyId: "wrong", secretAccessKey: "wrong" } },
    /does not accept the credentials/,
  ],
])("%s", async (_name, options, message) => {
  const store = await connect(await serve({ directory: oneObject(), bucket: "b" }), options);
  const failure = store.get("object");
  await expect(failure).rejects.toThrow(message);
  await expect(failure).rejects.toThrow(AccessError);
  expect(inspect(await failure.catch((error: unknown) => error), { depth: 20 })).not.toMatch(/AWS4-HMAC|Signature=/);
});

test.each([
  ["expired credentials", { expired: true }, /the credentials have expired/],
  ["archive tier", { archived: "object" }, /archive tier/],
  ["no permission", { forbidden: "object" }, /access denied/],
  ["a busy store", { busyEvery: 1 }, /busy or failing \(503\)/],
  ["an answer that breaks off", { cutEvery: 1 }, /connection failed|broke off/],
])("%s has a sentence of its own", async (_name, faults, message) => {
  const store = await connect(await serve({ directory: oneObject(), bucket: "b", ...faults }));
  await expect(store.get("object")).rejects.toThrow(message);
});

test("a missing bucket is named", async () => {
  const store = await connect(await serve({ directory: oneObject(), bucket: "b" }), { bucket: "other" });
  await expect(store.get("object")).rejects.toThrow("s3://other: object object: there is no such bucket");
});

test("a store that is not there fails with its name, not with a stack", async () => {
  const server = await serve({ directory: oneObject(), bucket: "b" });
  await server.close();
  await expect((await connect(server)).get("object")).rejects.toThrow(SourceError);
});

test("a silent store can be left by the signal", async () => {
  const store = await connect(await serve({ directory: oneObject(), bucket: "b", silent: true }));
  await expect(store.get("object", { signal: AbortSignal.timeout(200) })).rejects.toThrow();
});

test("retrying overcomes busy answers and broken bodies without losing a byte", async () => {
  const directory = oneObject();
  for (let index = 0; index < 40; index++) writeFileSync(path.join(directory, `many-${index}`), String(index));
  const server = await serve({ directory, bucket: "b", busyEvery: 3, cutEvery: 2, pageSize: 10 });
  const store = new RetryingStore(await connect(server), { attempts: 8, firstPauseMs: 1 });
  const expected = Buffer.alloc(200_000, "abc");
  for (let round = 0; round < 5; round++) {
    expect(Buffer.compare(await store.get("object"), expected)).toBe(0);
    const chunks: Uint8Array[] = [];
    for await (const chunk of store.stream("object")) chunks.push(chunk);
    expect(Buffer.compare(Buffer.concat(chunks), expected)).toBe(0);
  }
  const keys = new Set<string>();
  let listed = 0;
  for await (const item of store.list("many-")) {
    listed++;
    keys.add(item.type === "object" ? item.key : item.prefix);
  }
  expect([listed, keys.size]).toEqual([40, 40]);
});
