import type { OutgoingHttpHeaders } from "node:http";
import { expect, test } from "vitest";
import { createApp } from "../../../src/serve/http/app.ts";
import { createHostCheck } from "../../../src/serve/http/host-check.ts";
import { ask, BASIC, curl, logIn, sessionCookie } from "./support/clients.ts";
import { DISK, startTestServer, USER } from "./support/test-server.ts";

/** Every path a route is registered for; middleware is registered for all. */
function routePaths(): string[] {
  const nothing = {} as Parameters<typeof createApp>[0];
  const { routes } = createApp(nothing, createHostCheck([]), undefined);
  return [...new Set(routes.filter(({ method }) => method !== "ALL").map(({ path }) => path))];
}

const PUBLIC = ["/healthz", "/readyz"];

test("without a login every route answers 401, except the two probes", async () => {
  const server = await startTestServer();
  const paths = routePaths();
  expect(paths).toEqual(
    expect.arrayContaining(["/files/*", "/archive/*", "/api/v1/tree/*", "/api/v1/stat/*", "/api/v1/inventory"]),
  );
  for (const path of [...paths, "/nothing/here"]) {
    const target = path.replace("*", DISK.slice(1));
    for (const method of ["GET", "HEAD", "DELETE", "PUT", "OPTIONS"]) {
      if (PUBLIC.includes(path) && (method === "GET" || method === "HEAD")) continue;
      const { status, body } = await ask(server, target, { method });
      expect([method, target, status]).toEqual([method, target, 401]);
      if (method === "GET") expect(JSON.parse(body.toString()).error.kind).toBe("unauthenticated");
    }
  }
  for (const path of PUBLIC) {
    const { status, body } = await ask(server, path);
    expect([status, body.toString()]).toEqual([200, "ok\n"]);
  }
});

test("scripts are asked for HTTP Basic; browsers are not, so that no dialog covers the login form", async () => {
  const server = await startTestServer();
  expect((await ask(server, "/api/v1/session")).headers["www-authenticate"]).toBe(
    'Basic realm="vmfr", charset="UTF-8"',
  );
  const browsers: OutgoingHttpHeaders[] = [
    { "sec-fetch-mode": "cors", "sec-fetch-site": "same-origin" },
    { accept: "text/html,*/*" },
  ];
  for (const headers of browsers) {
    const answer = await ask(server, `/files${DISK}`, { headers });
    expect([answer.status, answer.headers["www-authenticate"]]).toEqual([401, undefined]);
  }
});

test("logging in gives a session whose cookie no script, other site or plain connection sees; logging out ends it", async () => {
  const server = await startTestServer({ expiresAt: new Date("2030-01-02T03:04:05Z") });
  const { status, headers, body } = await logIn(server);
  expect([status, body.length]).toEqual([204, 0]);
  expect(headers["set-cookie"]).toEqual([
    expect.stringMatching(/^__Host-vmfr=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Strict$/),
  ]);
  const cookie = await sessionCookie(server);
  const session = await ask(server, "/api/v1/session", { headers: { cookie } });
  expect(JSON.parse(session.body.toString())).toEqual({
    user: USER,
    version: "0.0.0-test",
    expiresAt: "2030-01-02T03:04:05.000Z",
  });
  expect((await ask(server, "/api/v1/session", { method: "DELETE", headers: { cookie } })).status).toBe(204);
  expect((await ask(server, "/api/v1/session", { headers: { cookie } })).status).toBe(401);
});

test("wrong passwords are refused, and after five there is a pause even for the right one", async () => {
  const server = await startTestServer();
  const cookie = await sessionCookie(server);
  for (let attempt = 0; attempt < 5; attempt++) {
    const { status, body } = await logIn(server, USER, `wrong ${attempt}`);
    expect([status, JSON.parse(body.toString()).error.message]).toEqual([401, "user or password is wrong"]);
  }
  const locked = await logIn(server);
  expect([locked.status, locked.headers["retry-after"]]).toEqual([429, "5"]);
  expect((await ask(server, "/api/v1/session", { headers: BASIC })).status).toBe(429);
  expect((await ask(server, "/api/v1/session", { headers: { cookie } })).status).toBe(200);
  expect(server.log.filter(({ message }) => message === "login refused")).toHaveLength(5);
});

test("HTTP Basic is checked once, however many requests a script makes at once", async () => {
  const server = await startTestServer();
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => ask(server, "/api/v1/session", { headers: BASIC })),
  );
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  expect(server.log.filter(({ message }) => message === "login")).toHaveLength(1);
});

test.each([
  "/files/..",
  "/files/../api/v1/session",
  "/files/%2e%2e/etc/passwd",
  "/files/%2E./etc/passwd",
  "/files/..%2f..%2fetc%2fpasswd",
  `/files${DISK}/a%2fb`,
  `/files${DISK}/a%00b`,
  `/files${DISK}/a%`,
  "/files/..\\..\\etc\\passwd",
  `/api/v1/tree${DISK}/%2e%2e`,
  `/api/v1/stat${DISK}/..`,
  `/archive${DISK}/%2e%2e?format=tar`,
])("%s is refused", async (target) => {
  const server = await startTestServer();
  const { status, body } = await ask(server, target, { headers: BASIC });
  expect(status).toBe(400);
  expect(body.toString()).not.toContain("root:");
});

test("encoded backslashes, double encodings and prefixes of the host's own paths name nothing", async () => {
  const server = await startTestServer();
  for (const target of [
    "/files/..%5c..%5cetc%5cpasswd",
    "/files/%252e%252e/etc/passwd",
    "/files//etc/passwd",
    "/files/etc/passwd",
  ]) {
    expect([target, (await ask(server, target, { headers: BASIC })).status]).toEqual([target, 404]);
  }
});

test("other host names are not answered, addresses and allowed names are", async () => {
  const server = await startTestServer({ allowedHosts: ["vmfr.example"] });
  const statusFor = async (host: string) =>
    (await ask(server, "/api/v1/session", { headers: { ...BASIC, host } })).status;
  expect(await statusFor("evil.example")).toBe(421);
  expect(await statusFor("localhost.evil.example:8443")).toBe(421);
  expect(await statusFor("vmfr.example:8443")).toBe(200);
  expect(await statusFor("localhost:1")).toBe(200);
  expect(await statusFor("10.0.0.1")).toBe(200);
});

test("what other sites make a browser send is refused", async () => {
  const server = await startTestServer();
  const cookie = await sessionCookie(server);
  const foreign: OutgoingHttpHeaders[] = [
    { origin: "https://evil.example" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    { origin: "null" },
  ];
  for (const headers of foreign) {
    expect((await logIn(server, undefined, undefined, headers)).status).toBe(403);
    expect((await ask(server, "/api/v1/session", { method: "DELETE", headers: { cookie, ...headers } })).status).toBe(
      403,
    );
  }
  const crossSite = { "sec-fetch-site": "cross-site" };
  expect(
    (await ask(server, "/api/v1/inventory", { headers: { cookie, ...crossSite, "sec-fetch-mode": "no-cors" } })).status,
  ).toBe(403);
  expect(
    (await ask(server, "/api/v1/inventory", { headers: { cookie, ...crossSite, "sec-fetch-mode": "navigate" } }))
      .status,
  ).toBe(200);
  expect((await ask(server, "/api/v1/session", { headers: { cookie } })).status).toBe(200);
  const own = { origin: server.url, "sec-fetch-site": "same-origin" };
  expect((await logIn(server, undefined, undefined, own)).status).toBe(204);
});

test("a login must be small JSON of the right shape", async () => {
  const server = await startTestServer();
  const post = async (body: string, type = "application/json") =>
    (await ask(server, "/api/v1/session", { method: "POST", headers: { "content-type": type }, body })).status;
  expect(await post("user=oadp&password=x", "application/x-www-form-urlencoded")).toBe(415);
  expect(await post('{"user":"oadp","password":"x"}', "text/plain")).toBe(415);
  for (const body of ["", "{", "[]", "null", '{"user":1,"password":"x"}', '{"user":"x"}'])
    expect(await post(body)).toBe(400);
  expect(await post(JSON.stringify({ user: "x".repeat(5000), password: "x" }))).toBe(413);
});

test("every answer carries the headers that keep a browser on guard", async () => {
  const server = await startTestServer();
  const targets = ["/healthz", "/api/v1/inventory", `/files${DISK}/none`, "/api/v1/session", "/nothing", "/files/.."];
  for (const target of targets) {
    const { headers } = await ask(server, target, { headers: BASIC });
    expect(headers).toMatchObject({
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "x-frame-options": "DENY",
      "content-security-policy": expect.stringContaining("default-src 'none'"),
      "cache-control": "private, no-store",
    });
    expect(headers).not.toHaveProperty("strict-transport-security");
    expect(headers).not.toHaveProperty("access-control-allow-origin");
  }
  const elsewhere = await ask(server, "/healthz", { headers: { host: "10.0.0.1" } });
  expect(elsewhere.headers["strict-transport-security"]).toBe("max-age=31536000");
});

test("a browser that follows a link to a missing file sees a page, in which names stay text", async () => {
  const server = await startTestServer();
  const { status, headers, body } = await ask(server, `/files${DISK}/%3Cscript%3E`, {
    headers: { ...BASIC, accept: "text/html" },
  });
  expect([status, headers["content-type"]]).toEqual([404, "text/html; charset=UTF-8"]);
  expect(body.toString()).toContain("&#60;script&#62;: no such file or directory");
});

test("nothing can be written: other methods find nothing even with a login", async () => {
  const server = await startTestServer();
  server.files.file(2, "a", "x");
  for (const method of ["POST", "PUT", "PATCH", "DELETE", "MKCOL", "COPY"]) {
    expect([method, (await ask(server, `/files${DISK}/a`, { method, headers: BASIC })).status]).toEqual([method, 404]);
  }
  expect((await curl(server, `/files${DISK}/a`, "--fail")).stdout.toString()).toBe("x");
});
