import { readFileSync } from "node:fs";
import { connect as connectPlain } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { expect, test } from "vitest";
import { tally } from "../../setup/tally.ts";
import { ask, BASIC, logIn, sessionCookie } from "./support/clients.ts";
import { DISK, startTestServer, type TestServer, USER } from "./support/test-server.ts";

function dial(server: TestServer): TLSSocket {
  const ca = readFileSync(server.caFile);
  return connect({ host: "127.0.0.1", port: server.port, ca, servername: "localhost" }).on("error", () => undefined);
}

/** Sends bytes as they are, and gives all that comes back until the server closes or stays silent. */
function exchange(server: TestServer, bytes: string | Buffer, silenceMs = 700): Promise<string> {
  return new Promise((resolve) => {
    const socket = dial(server);
    let received = "";
    const end = () => {
      socket.destroy();
      resolve(received);
    };
    let timer = setTimeout(end, 10_000);
    socket.on("data", (chunk: Buffer) => {
      received += chunk.toString("latin1");
      clearTimeout(timer);
      timer = setTimeout(end, silenceMs);
    });
    socket.once("close", () => {
      clearTimeout(timer);
      end();
    });
    socket.write(bytes);
  });
}

function statuses(received: string): number[] {
  return [...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, code]) => Number(code));
}

const HOST = "Host: localhost\r\n";
const AUTHORIZATION = `Authorization: ${BASIC.authorization}\r\n`;
/** What a proxy before the server might take for the body of the request before it. */
const SMUGGLED = `GET /files${DISK}/secret HTTP/1.1\r\n${HOST}${AUTHORIZATION}\r\n`;

test.each([
  ["both lengths", `Content-Length: ${SMUGGLED.length + 5}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ["two lengths", `Content-Length: 0\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n`],
  ["a list of lengths", `Content-Length: 0, ${SMUGGLED.length}\r\n\r\n`],
  ["a signed length", "Content-Length: +0\r\n\r\n"],
  ["a hexadecimal length", "Content-Length: 0x0\r\n\r\n"],
  ["a length that overflows", "Content-Length: 18446744073709551616\r\n\r\n"],
  ["a blank before the colon", "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"],
  ["another encoding behind chunked", "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"],
  ["an unknown encoding", "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"],
  ["a folded header", "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"],
  ["a chunk size that is none", "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n"],
  ["a lone line feed in a header", "X: y\nContent-Length: 5\r\n\r\n"],
  ["a NUL in a header", "X: y\0z\r\n\r\n"],
])("%s: no second request is found behind the first", async (_name, rest) => {
  const server = await startTestServer();
  server.files.file(2, "secret", "the secret");
  const received = await exchange(server, `POST /api/v1/session HTTP/1.1\r\n${HOST}${rest}${SMUGGLED}`);
  expect(statuses(received)).toHaveLength(1);
  expect(statuses(received)[0]).toBeGreaterThanOrEqual(400);
  expect(received).not.toContain("the secret");
  tally("HTTP attacks refused", 1);
});

test("a body is never taken for a request, whether or not anybody reads it", async () => {
  const server = await startTestServer();
  server.files.file(2, "secret", "the secret");
  for (const first of [
    "GET /healthz",
    "HEAD /healthz",
    `GET /files${DISK}/none`,
    "POST /nothing",
    "OPTIONS /",
    "PUT /files/x",
  ]) {
    const length = `Content-Length: ${SMUGGLED.length}\r\n`;
    const received = await exchange(server, `${first} HTTP/1.1\r\n${HOST}${AUTHORIZATION}${length}\r\n${SMUGGLED}`);
    expect([first, statuses(received).length]).toEqual([first, 1]);
    expect(received).not.toContain("the secret");
  }
  // Two requests that are two are answered in order, each by its own answer.
  const both = await exchange(server, `GET /healthz HTTP/1.1\r\n${HOST}\r\n${SMUGGLED}`);
  expect([statuses(both), both.endsWith("the secret")]).toEqual([[200, 200], true]);
});

test.each([
  ["no Host", `GET /healthz HTTP/1.1\r\n\r\n`],
  ["two Hosts", `GET /api/v1/session HTTP/1.1\r\n${HOST}Host: evil.example\r\n${AUTHORIZATION}\r\n`],
  ["an absolute target", `GET https://evil.example/api/v1/session HTTP/1.1\r\n${HOST}${AUTHORIZATION}\r\n`],
  ["CONNECT", `CONNECT evil.example:443 HTTP/1.1\r\n${HOST}${AUTHORIZATION}\r\n`],
  ["an asterisk", `OPTIONS * HTTP/1.1\r\n${HOST}${AUTHORIZATION}\r\n`],
  ["HTTP/0.9", "GET /healthz\r\n\r\n"],
  ["HTTP/2 without asking", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  [
    "an upgrade",
    `GET /api/v1/session HTTP/1.1\r\n${HOST}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n`,
  ],
  ["a header of 100 KiB", `GET /api/v1/session HTTP/1.1\r\n${HOST}X: ${"x".repeat(100_000)}\r\n${AUTHORIZATION}\r\n`],
  ["a target of 100 KiB", `GET /${"x".repeat(100_000)} HTTP/1.1\r\n${HOST}${AUTHORIZATION}\r\n`],
  ["20,000 headers", `GET /api/v1/session HTTP/1.1\r\n${HOST}${"a: b\r\n".repeat(20_000)}${AUTHORIZATION}\r\n`],
  ["a control character in the target", `GET /files\u0001 HTTP/1.1\r\n${HOST}${AUTHORIZATION}\r\n`],
])("%s is refused", async (_name, request) => {
  const server = await startTestServer();
  const codes = statuses(await exchange(server, Buffer.from(request, "latin1")));
  expect(codes.length).toBeLessThan(2);
  for (const code of codes) expect(code).toBeGreaterThanOrEqual(400);
  expect((await ask(server, "/api/v1/session", { headers: BASIC })).status).toBe(200);
  tally("HTTP attacks refused", 1);
});

test("no spelling of a path leads out of the tree", async () => {
  const server = await startTestServer();
  server.files.file(2, "ok", "guest's");
  const up = [
    "..",
    "%2e%2e",
    "%2E.",
    ".%2e",
    "%252e%252e",
    "..%00",
    "..;",
    "%c0%ae%c0%ae",
    "%e0%80%ae%e0%80%ae",
    "..%5c",
    "..\\",
    "%uff0e%uff0e",
  ];
  const slashes = ["/", "%2f", "%252f", "\\", "%5c", "%c0%af", "//", "/./"];
  const prefixes = ["/files", `/files${DISK}`, "/archive", "/api/v1/tree", "/api/v1/stat", "/browse", "", "/assets"];
  let tried = 0;
  for (const prefix of prefixes) {
    for (const slash of slashes) {
      for (const dots of up) {
        const target = `${prefix}/${Array(6).fill(dots).join(slash)}${slash}etc${slash}passwd`;
        const { status, body } = await ask(server, target, { headers: BASIC });
        expect([target, status, /root:|daemon:/.test(body.toString())]).toEqual([
          target,
          expect.toBeOneOf([400, 404]),
          false,
        ]);
        tried++;
      }
    }
  }
  tally("HTTP attacks refused", tried);
});

test("ranges made to be costly or to overflow give the whole, a part or 416, and never other bytes", async () => {
  const server = await startTestServer();
  server.files.file(2, "ten", "0123456789");
  const ranges: [string, number, string][] = [
    ["bytes=0-99999999999999999999999", 206, "0123456789"],
    ["bytes=99999999999999999999999-", 416, ""],
    ["bytes=-99999999999999999999999", 206, "0123456789"],
    ["bytes=-0", 416, ""],
    ["bytes=5-4", 200, "0123456789"],
    ["bytes=0x1-2", 200, "0123456789"],
    ["bytes=1e0-2", 200, "0123456789"],
    [`bytes=${Array(3000).fill("0-").join(",")}`, 200, "0123456789"],
    ["bytes= 1 - 2", 200, "0123456789"],
    ["items=0-1", 200, "0123456789"],
    ["bytes=9-9", 206, "9"],
    ["bytes=10-10", 416, ""],
  ];
  for (const [range, status, body] of ranges) {
    const answer = await ask(server, `/files${DISK}/ten`, { headers: { ...BASIC, range } });
    expect([range.slice(0, 40), answer.status]).toEqual([range.slice(0, 40), status]);
    if (status !== 416) expect(answer.body.toString()).toBe(body);
    const head = await ask(server, `/files${DISK}/ten`, { method: "HEAD", headers: { ...BASIC, range } });
    expect([head.status, head.body.length]).toEqual([200, 0]);
  }
  expect(server.files.openSources).toBe(0);
});

test("a session is always a new one: what a client brings is neither taken over nor trusted", async () => {
  const server = await startTestServer();
  const planted = `__Host-vmfr=${"A".repeat(43)}`;
  const { headers, status } = await logIn(server, undefined, undefined, { cookie: planted });
  const cookie = headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
  expect([status, cookie === planted]).toEqual([204, false]);
  const asks = async (sent: string) => (await ask(server, "/api/v1/session", { headers: { cookie: sent } })).status;
  expect(await asks(planted)).toBe(401);
  // A page of a neighbouring host name can set a cookie of another name only, or the same one twice.
  for (const sent of [
    cookie.replace("__Host-", ""),
    cookie.toLowerCase(),
    `${cookie}x`,
    cookie.slice(0, -1),
    "__Host-vmfr=",
    "__Host-vmfr=%00",
  ]) {
    expect([sent, await asks(sent)]).toEqual([sent, 401]);
  }
  const other = await sessionCookie(server);
  expect(other).not.toBe(cookie);
  expect((await ask(server, "/api/v1/session", { method: "DELETE", headers: { cookie } })).status).toBe(204);
  expect([await asks(cookie), await asks(other)]).toEqual([401, 200]);
});

test("nobody is let in by headers of proxies, other schemes or malformed credentials", async () => {
  const server = await startTestServer();
  const claims = [
    { "x-forwarded-user": USER },
    { "x-remote-user": USER },
    { "x-forwarded-for": "127.0.0.1" },
    { "x-original-url": "/healthz" },
    { "x-http-method-override": "GET" },
    { authorization: "Basic" },
    { authorization: "Basic !!!!" },
    { authorization: `Basic ${Buffer.from(USER).toString("base64")}` },
    { authorization: `Basic ${Buffer.from(`${USER}:`).toString("base64")}` },
    { authorization: `Bearer ${Buffer.from(`${USER}:x`).toString("base64")}` },
    { authorization: "Negotiate TlRMTVNTUAAB" },
  ];
  for (const headers of claims) {
    const { status, headers: answer } = await ask(server, `/files${DISK}`, { headers });
    expect([JSON.stringify(headers), status]).toEqual([JSON.stringify(headers), expect.toBeOneOf([401, 429])]);
    expect(answer).not.toHaveProperty("set-cookie");
  }
});

test("what a client calls itself is one bounded line in the log", async () => {
  const server = await startTestServer();
  const name = `eve\nlogin user=oadp\u001b[2J\u202e${"x".repeat(3000)}`;
  await logIn(server, name, "x");
  const basic = Buffer.from(`${name.repeat(8)}:x`).toString("base64");
  await ask(server, "/api/v1/session", { headers: { authorization: `Basic ${basic}` } });
  const lines = server.log.filter(({ message }) => message === "login refused");
  expect(lines).toHaveLength(2);
  for (const { user } of lines) {
    expect(String(user).length).toBeLessThan(1000);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(String(user)).not.toMatch(/[\u0000-\u001f\u007f\u202e]/);
  }
});

test("clients that never finish a handshake, a request or a body are cut off, and others served meanwhile", async () => {
  const server = await startTestServer({ limits: { connections: 8, requestMs: 1500 } });
  const halves = [
    "GET /healthz HTTP/1.1\r\nHost: local",
    `POST /api/v1/session HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nContent-Length: 4000\r\n\r\n{`,
    `POST /api/v1/session HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n`,
  ];
  const sockets = [
    ...halves.map((bytes) => {
      const socket = dial(server);
      socket.write(bytes);
      return socket;
    }),
    dial(server),
    connectPlain(server.port, "127.0.0.1"),
  ];
  const trickle = setInterval(() => {
    for (const socket of sockets.slice(0, 1)) if (socket.writable) socket.write("h");
  }, 200);
  const closed = sockets.map(
    (socket) =>
      new Promise<void>((resolve) =>
        socket
          .on("error", () => undefined)
          .resume()
          .once("close", () => resolve()),
      ),
  );
  expect((await ask(server, "/healthz")).status).toBe(200);
  await Promise.all(closed);
  clearInterval(trickle);
  expect((await ask(server, "/healthz")).status).toBe(200);
}, 60_000);

test("a flood of requests whose answers nobody reads is not kept in memory", async () => {
  const server = await startTestServer();
  const socket = dial(server);
  await new Promise((resolve) => socket.once("secureConnect", resolve));
  socket.pause();
  const requests = Buffer.from(`GET /healthz HTTP/1.1\r\n${HOST}\r\n`.repeat(2000));
  const before = process.memoryUsage.rss();
  for (let sent = 0; sent < 400 && !socket.destroyed && socket.writableLength < 8 * requests.length; sent++) {
    socket.write(requests);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  // Whether the server stops reading or hangs up: it does not go on answering into the void.
  expect(socket.destroyed || socket.writableLength > 0).toBe(true);
  expect(process.memoryUsage.rss() - before).toBeLessThan(150 * 1024 * 1024);
  expect((await ask(server, "/healthz")).status).toBe(200);
  socket.destroy();
}, 60_000);
