import { afterEach, expect, test } from "vitest";
import { type Answer, answerJson, LoopbackServer, statusBody } from "../../test/fixtures/kube/loopback-server.ts";
import { defaultLimits } from "../bytes/limits.ts";
import { ConfigError, LimitError } from "../errors.ts";
import type { ApiCallerOptions } from "./api-caller.ts";
import { type ApiError, isAlreadyExists, isConflict, isGone, isNotFound } from "./api-error.ts";
import { KubeClient } from "./kube-client.ts";
import { namespaces, pods, secrets, tokenReviews } from "./resources.ts";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

async function connect(answer: Answer, options: ApiCallerOptions = {}) {
  const server = await LoopbackServer.start(answer);
  const client = new KubeClient(server.credentials, options);
  open.push(server, client);
  return { server, client };
}

const web = { namespace: "shop", name: "web" };
const stored = (name: string, resourceVersion = "7") => ({
  metadata: { namespace: "shop", name, uid: `uid-${name}`, resourceVersion },
});

/** The answers in turn; the last one again and again. */
function inTurn(...answers: Answer[]): Answer {
  let turn = 0;
  return (...call) => answers[Math.min(turn++, answers.length - 1)]?.(...call);
}

const ok: Answer = (_call, response) => answerJson(response, 200, stored("web"));
const fail =
  (code: number, reason: string, headers = {}): Answer =>
  (_call, response) =>
    answerJson(response, code, statusBody(code, reason), headers);

async function caught(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => expect.fail("it did not throw"),
    (error: unknown) => error,
  );
}

test("each verb is the request that the API server expects", async () => {
  const { server, client } = await connect(ok);
  const pod = { apiVersion: "v1", kind: "Pod", metadata: web };
  await client.get(pods, web);
  await client.create(pods, pod);
  await client.replace(pods, pod);
  await client.replaceStatus(pods, pod);
  await client.mergePatch(pods, web, { metadata: { labels: { a: null } } });
  await client.jsonPatch(pods, web, [{ op: "remove", path: "/metadata/labels/a" }], { subresource: "status" });
  await client.apply(
    pods,
    { ...pod, status: { phase: "Running" } },
    { fieldManager: "me", force: true, subresource: "status" },
  );
  await client.delete(pods, web, { uid: "u", propagationPolicy: "Foreground" });
  await client.get(namespaces, { name: "shop" });
  const seen = server.calls.map(({ method, path, query, headers }) =>
    [method, path, query.toString(), headers["content-type"] ?? ""].join(" ").trim(),
  );
  expect(seen).toEqual([
    "GET /api/v1/namespaces/shop/pods/web",
    "POST /api/v1/namespaces/shop/pods  application/json",
    "PUT /api/v1/namespaces/shop/pods/web  application/json",
    "PUT /api/v1/namespaces/shop/pods/web/status  application/json",
    "PATCH /api/v1/namespaces/shop/pods/web  application/merge-patch+json",
    "PATCH /api/v1/namespaces/shop/pods/web/status  application/json-patch+json",
    "PATCH /api/v1/namespaces/shop/pods/web/status fieldManager=me&force=true application/apply-patch+yaml",
    "DELETE /api/v1/namespaces/shop/pods/web  application/json",
    "GET /api/v1/namespaces/shop",
  ]);
  expect(server.calls[7]?.body).toMatchObject({ propagationPolicy: "Foreground", preconditions: { uid: "u" } });
});

test("a name that would lead elsewhere is refused before anything is sent", async () => {
  const { server, client } = await connect(ok);
  for (const name of ["", ".", "..", "a/b", "a%2fb"]) {
    expect(await caught(client.delete(pods, { namespace: "shop", name }))).toBeInstanceOf(ConfigError);
    expect(await caught(client.get(pods, { namespace: name, name: "web" }))).toBeInstanceOf(ConfigError);
  }
  expect(await caught(client.get(pods, { name: "web" }))).toBeInstanceOf(ConfigError);
  expect(await caught(client.create(pods, { apiVersion: "v1", kind: "Pod", metadata: { name: "a" } }))).toBeInstanceOf(
    ConfigError,
  );
  expect(server.calls).toEqual([]);
});

test("refusals keep the server's words and can be told apart", async () => {
  const { client } = await connect(
    inTurn(
      fail(404, "NotFound"),
      fail(409, "Conflict"),
      fail(409, "AlreadyExists"),
      fail(422, "Invalid"),
      fail(403, "Forbidden"),
    ),
  );
  const errors: unknown[] = [];
  for (let turn = 0; turn < 5; turn++)
    errors.push(await caught(client.replace(pods, { apiVersion: "v1", kind: "Pod", metadata: web })));
  expect(errors.map(isNotFound)).toEqual([true, false, false, false, false]);
  expect(errors.map(isConflict)).toEqual([false, true, false, false, false]);
  expect(errors.map(isAlreadyExists)).toEqual([false, false, true, false, false]);
  expect(errors.map((error) => (error as ApiError).kind)).toEqual(["source", "source", "source", "source", "access"]);
  expect((errors[3] as ApiError).message).toBe("replace pods shop/web: it is Invalid (422)");
});

test("find gives undefined and delete false for what is not there", async () => {
  const { client } = await connect(fail(404, "NotFound"));
  expect(await client.find(pods, web)).toBeUndefined();
  expect(await client.delete(pods, web)).toBe(false);
});

test("a busy server is asked again after the time it says, a refusal is not", async () => {
  const busy = fail(429, "TooManyRequests", { "Retry-After": "0" });
  const { server, client } = await connect(inTurn(busy, busy, ok));
  await client.create(pods, { apiVersion: "v1", kind: "Pod", metadata: web });
  expect(server.calls).toHaveLength(3);
  const refusing = await connect(fail(422, "Invalid"));
  await caught(refusing.client.apply(pods, { apiVersion: "v1", kind: "Pod", metadata: web }, { fieldManager: "me" }));
  expect(refusing.server.calls).toHaveLength(1);
});

test("what may have been done is not done twice: a creation that ends in a broken connection fails", async () => {
  const broken: Answer = (_call, _response, request) => request.socket.destroy();
  const { server, client } = await connect(inTurn(broken, ok));
  const error = await caught(client.create(pods, { apiVersion: "v1", kind: "Pod", metadata: web }));
  expect((error as ApiError).reason).toBe("ConnectionFailed");
  expect(server.calls).toHaveLength(1);
  const reading = await connect(inTurn(broken, fail(503, "ServiceUnavailable"), ok));
  expect((await reading.client.get(pods, web)).metadata.name).toBe("web");
  expect(reading.server.calls).toHaveLength(3);
});

test("an answer that is cut off, too long, not JSON or not an object is an error", async () => {
  const cut: Answer = (_call, response, request) => {
    response.writeHead(200, { "Content-Length": "1000" }).write('{"metadata":');
    setTimeout(() => request.socket.destroy(), 20);
  };
  const once = { attempts: 1 };
  expect(await caught((await connect(cut)).client.get(pods, web, once))).toMatchObject({ reason: "ConnectionFailed" });
  const long = await connect(
    (_call, response) => answerJson(response, 200, { ...stored("web"), filler: "x".repeat(5000) }),
    {
      limits: { ...defaultLimits, kubeAnswer: 4096 },
    },
  );
  expect(await caught(long.client.get(pods, web))).toBeInstanceOf(LimitError);
  for (const text of ["<html>", "[]", "null", '{"metadata":{"name":"web"}}']) {
    const { client } = await connect((_call, response) => response.writeHead(200).end(text));
    expect(await caught(client.get(secrets, web))).toMatchObject({ reason: "InvalidAnswer" });
  }
});

test("a call ends after its time, and at once when its caller gives up", async () => {
  const { client } = await connect(() => undefined);
  expect(await caught(client.get(pods, web, { timeoutMs: 30, attempts: 1 }))).toMatchObject({ reason: "Timeout" });
  const controller = new AbortController();
  const call = caught(client.get(pods, web, { signal: controller.signal }));
  setTimeout(() => controller.abort(new Error("enough")), 20);
  expect(await call).toMatchObject({ message: "enough" });
  expect(await caught(client.get(pods, web, { signal: controller.signal }))).toMatchObject({ message: "enough" });
});

test("a token that was replaced is read again once; one that stays refused is an access error", async () => {
  const { server, client } = await connect(inTurn(fail(401, "Unauthorized"), ok));
  await client.get(pods, web);
  expect(server.freshness).toEqual([false, true]);
  const refused = await connect(fail(401, "Unauthorized"));
  const error = (await caught(refused.client.get(pods, web))) as ApiError;
  expect(error.kind).toBe("access");
  expect(refused.server.calls).toHaveLength(2);
  expect(JSON.stringify([error.message, error, error.stack])).not.toContain("Bearer");
});

test("no more calls run at once than allowed", async () => {
  let running = 0;
  let most = 0;
  const slow: Answer = (_call, response) => {
    most = Math.max(most, ++running);
    setTimeout(() => {
      running--;
      answerJson(response, 200, stored("web"));
    }, 10);
  };
  const { client } = await connect(slow, { concurrency: 3 });
  await Promise.all(Array.from({ length: 12 }, () => client.get(pods, web)));
  expect(most).toBe(3);
});

test("a list goes page by page, with the kind that items lack, and on after its token has expired", async () => {
  const page = (names: string[], token?: string): Answer => {
    const metadata = { resourceVersion: "50", continue: token };
    return (_call, response) => answerJson(response, 200, { metadata, items: names.map((name) => stored(name)) });
  };
  const expired: Answer = (_call, response) =>
    answerJson(response, 410, { ...statusBody(410, "Expired"), metadata: { continue: "rest" } });
  const { server, client } = await connect(inTurn(page(["a", "b"], "t1"), expired, page(["c"])));
  const names: string[] = [];
  const listing = client.list(pods, { namespace: "shop", labelSelector: "app=web", limit: 2 });
  for await (const { metadata, kind } of listing) names.push(`${kind} ${metadata.name}`);
  expect(names).toEqual(["Pod a", "Pod b", "Pod c"]);
  expect(server.calls.map(({ query }) => query.get("continue"))).toEqual([null, "t1", "rest"]);
  expect(server.calls[0]?.query.toString()).toBe("labelSelector=app%3Dweb&limit=2");
});

test("a list whose first page is gone fails", async () => {
  const { client } = await connect(fail(410, "Expired"));
  expect(isGone(await caught(client.list(pods)[Symbol.asyncIterator]().next()))).toBe(true);
});

test("discovery says which kinds there are, and remembers it", async () => {
  const { server, client } = await connect((call, response) =>
    call.path === "/api/v1"
      ? answerJson(response, 200, { resources: [{ name: "pods" }, { name: "pods/status" }] })
      : response.writeHead(404).end("404 page not found"),
  );
  expect([await client.serves(pods), await client.serves(secrets), await client.serves(tokenReviews)]).toEqual([
    true,
    false,
    false,
  ]);
  expect(server.calls.map(({ path }) => path)).toEqual(["/api/v1", "/apis/authentication.k8s.io/v1"]);
});
