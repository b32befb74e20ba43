import { createHash, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { Listing } from "../../../src/serve/http/api-types.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { tally } from "../../setup/tally.ts";
import { ask, BASIC, curl, run } from "./support/clients.ts";
import { DISK, startTestServer } from "./support/test-server.ts";

beforeAll(() => requireDebianPackages("curl", "tar", "unzip"));

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const content = randomBytes(3 * 1024 * 1024 + 17);

describe("curl gets exactly the guest's bytes", () => {
  test("whole files of every size around the chunk size", async () => {
    const server = await startTestServer();
    const sizes = [0, 1, 4096, 512 * 1024 - 1, 512 * 1024, 512 * 1024 + 1, 1024 * 1024, content.length];
    for (const size of sizes) server.files.file(2, `f${size}`, content.subarray(0, size));
    for (const size of sizes) {
      const { code, stdout } = await curl(server, `/files${DISK}/f${size}`, "--fail");
      expect([code, stdout.length, sha256(stdout)]).toEqual([0, size, sha256(content.subarray(0, size))]);
    }
    tally("HTTPS downloads by curl equal to the guest's file", sizes.length);
  });

  test("ranges, and an interrupted download goes on where it stopped", async () => {
    const server = await startTestServer();
    server.files.file(2, "big", content);
    const ranges = ["0-0", "5-1048580", "3145000-", "-17", "524288-524288", "0-99999999"];
    for (const range of ranges) {
      const { stdout } = await curl(server, `/files${DISK}/big`, "--fail", "--range", range);
      const [first, last] = range.split("-") as [string, string];
      const expected =
        first === ""
          ? content.subarray(content.length - Number(last))
          : content.subarray(Number(first), last === "" ? content.length : Number(last) + 1);
      expect(sha256(stdout)).toBe(sha256(expected));
    }
    tally("HTTPS ranges by curl equal to the guest's file", ranges.length);
    const file = path.join(server.scratch, "part");
    writeFileSync(file, content.subarray(0, 1_000_003));
    expect((await curl(server, `/files${DISK}/big`, "--fail", "-C", "-", "-o", file)).code).toBe(0);
    expect(sha256(readFileSync(file))).toBe(sha256(content));
  });

  test("names that are not UTF-8, hold line ends, spaces, percent signs, question marks and backslashes", async () => {
    const server = await startTestServer();
    const names = [
      "\xff\xfe",
      "a\r\nSet-Cookie: x=1",
      "100%",
      "why?#",
      "a b",
      "a\\b",
      "..a",
      "<img src=x onerror=alert(1)>",
      "\xc3\xa9",
    ];
    for (const [index, name] of names.entries()) {
      server.files.file(2, Buffer.from(name, "latin1"), `content ${index}`);
    }
    for (const [index, name] of names.entries()) {
      const href = [...Buffer.from(name, "latin1")].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
      const { code, stdout } = await curl(server, `/files${DISK}/${href}`, "--fail", "--dump-header", "-");
      const [head = "", body = ""] = stdout.toString("latin1").split("\r\n\r\n");
      expect([code, body]).toEqual([0, `content ${index}`]);
      expect(head).not.toMatch(/^set-cookie/im);
      expect(head.match(/^content-disposition:/gim)).toHaveLength(1);
      expect(head).toMatch(/^content-disposition: attachment; filename="[ !#-~]*"/im);
    }
    const listing = JSON.parse(
      (await ask(server, `/api/v1/tree${DISK}`, { headers: BASIC })).body.toString(),
    ) as Listing;
    for (const [index, entry] of listing.entries.entries()) {
      const { body } = await ask(server, `/files${listing.path.href}/${entry.href}`, { headers: BASIC });
      expect(body.toString()).toBe(`content ${index}`);
    }
  });
});

test("a HEAD request says what a GET would, and reads nothing", async () => {
  const server = await startTestServer();
  server.files.file(2, "a.txt", "hello", { mtime: 1_700_000_000_000_000_000n });
  const { status, headers, body } = await ask(server, `/files${DISK}/a.txt`, { method: "HEAD", headers: BASIC });
  expect([status, body.length, headers["content-length"], headers["last-modified"], headers["accept-ranges"]]).toEqual([
    200,
    0,
    "5",
    "Tue, 14 Nov 2023 22:13:20 GMT",
    "bytes",
  ]);
  expect(server.files.openSources).toBe(0);
  const get = await ask(server, `/files${DISK}/a.txt`, { headers: BASIC });
  expect(get.headers.etag).toBe(headers.etag);
  expect(server.files.openSources).toBe(0);
});

test("conditional requests: 304 for the same, the whole for If-Range of another, 416 beyond the end", async () => {
  const server = await startTestServer();
  server.files.file(2, "a", "0123456789");
  const asked = (headers: Record<string, string>) =>
    ask(server, `/files${DISK}/a`, { headers: { ...BASIC, ...headers } });
  const { etag = "" } = (await asked({})).headers;
  expect((await asked({ "if-none-match": etag })).status).toBe(304);
  const part = await asked({ "if-range": etag, range: "bytes=2-3" });
  expect([part.status, part.body.toString(), part.headers["content-range"]]).toEqual([206, "23", "bytes 2-3/10"]);
  const other = await asked({ "if-range": '"other"', range: "bytes=2-3" });
  expect([other.status, other.body.toString()]).toEqual([200, "0123456789"]);
  const several = await asked({ range: "bytes=0-1,4-5" });
  expect([several.status, several.body.toString()]).toEqual([200, "0123456789"]);
  const beyond = await asked({ range: "bytes=10-" });
  expect([beyond.status, beyond.headers["content-range"]]).toEqual([416, "bytes */10"]);
});

test("a guest's active content is served inert", async () => {
  const server = await startTestServer();
  for (const name of [
    "page.html",
    "image.svg",
    "page.xhtml",
    "feed.xml",
    "script.js",
    "doc.pdf",
    "no-extension",
    "a.png.html",
  ]) {
    server.files.file(2, name, "<script>alert(1)</script>");
    const { headers } = await ask(server, `/files${DISK}/${name}`, { headers: BASIC });
    expect(headers).toMatchObject({
      "content-type": "application/octet-stream",
      "content-security-policy": expect.stringMatching(/^sandbox;/),
      "content-disposition": expect.stringMatching(/^attachment;/),
      "x-content-type-options": "nosniff",
      "cross-origin-resource-policy": "same-origin",
      "cache-control": "private, no-store",
    });
  }
});

test("directories: to the app for browsers, a page of JSON for scripts; devices are refused", async () => {
  const server = await startTestServer();
  server.files.file(server.files.directory(2, "d e"), "f", "x");
  server.files.special(2, "fifo", "fifo");
  const browser = await ask(server, `/files${DISK}/d%20e`, { headers: { ...BASIC, accept: "text/html" } });
  expect([browser.status, browser.headers.location]).toEqual([303, `/browse${DISK}/d%20e`]);
  const script = await ask(server, `/files${DISK}/d%20e`, { headers: { ...BASIC, accept: "application/json" } });
  expect((JSON.parse(script.body.toString()) as Listing).entries.map(({ name }) => name)).toEqual(["f"]);
  const fifo = await ask(server, `/files${DISK}/fifo`, { headers: BASIC });
  expect([fifo.status, JSON.parse(fifo.body.toString())]).toEqual([
    422,
    { error: { kind: "path", message: `${DISK}/fifo: not a regular file (it is a fifo)` } },
  ]);
});

test("links lead to files inside the guest only", async () => {
  const server = await startTestServer();
  server.files.file(server.files.directory(2, "etc"), "passwd", "guest's");
  server.files.symlink(2, "absolute", "/etc/passwd");
  server.files.symlink(2, "upwards", "../../../../../../etc/passwd");
  server.files.symlink(2, "loop", "loop");
  for (const link of ["absolute", "upwards"]) {
    expect((await curl(server, `/files${DISK}/${link}`, "--fail")).stdout.toString()).toBe("guest's");
  }
  expect((await ask(server, `/files${DISK}/loop`, { headers: BASIC })).status).toBe(422);
});

test("directories download as archives that tar and unzip read", async () => {
  const server = await startTestServer();
  const etc = server.files.directory(2, "etc");
  server.files.file(etc, "hosts", "127.0.0.1 localhost\n");
  server.files.file(server.files.directory(etc, "nginx"), "nginx.conf", content.subarray(0, 100_000));
  const listings: Record<string, string[]> = {
    tar: ["tar", "-t"],
    "tar.gz": ["tar", "-tz"],
  };
  for (const [format, [command = "", ...args]] of Object.entries(listings)) {
    const head = path.join(server.scratch, "head");
    const { code, stdout } = await curl(
      server,
      `/archive${DISK}/etc?format=${format}`,
      "--fail",
      "--dump-header",
      head,
    );
    expect(code).toBe(0);
    expect(readFileSync(head, "utf8")).toContain(`filename="etc-nightly-1.${format}"`);
    const listed = await run(command, args, stdout);
    expect([listed.code, listed.stdout.toString().split("\n").sort()]).toEqual([
      0,
      ["", "etc/", "etc/hosts", "etc/nginx/", "etc/nginx/nginx.conf"],
    ]);
  }
  const zip = path.join(server.scratch, "etc.zip");
  expect((await curl(server, `/archive${DISK}/etc?format=zip`, "--fail", "-o", zip)).code).toBe(0);
  expect((await run("unzip", ["-tq", zip])).code).toBe(0);
  const extracted = await run("unzip", ["-p", zip, "etc/nginx/nginx.conf"]);
  expect(sha256(extracted.stdout)).toBe(sha256(content.subarray(0, 100_000)));
  expect((await ask(server, `/archive${DISK}/etc?format=rar`, { headers: BASIC })).status).toBe(400);
});

test("every transfer and login leaves one line, in which a name cannot forge another", async () => {
  const server = await startTestServer();
  server.files.file(2, "a\nfile read", "hello");
  await curl(server, `/files${DISK}/a%0afile%20read`);
  const lines = server.log.filter(({ message }) => message === "file read");
  expect(lines).toEqual([
    {
      level: "info",
      message: "file read",
      user: "oadp",
      address: "127.0.0.1",
      path: `${DISK}/a\\x0afile read`,
      bytes: 5,
      ms: expect.any(Number),
    },
  ]);
  expect(server.log.filter(({ message }) => message === "login")).toHaveLength(1);
});
