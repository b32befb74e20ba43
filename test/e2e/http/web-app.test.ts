import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { ask } from "./support/clients.ts";
import { startTestServer } from "./support/test-server.ts";

function builtApp(): string {
  const outside = scratchDirectory();
  writeFileSync(path.join(outside, "secret.txt"), "secret");
  const root = path.join(outside, "app");
  mkdirSync(path.join(root, "assets"), { recursive: true });
  writeFileSync(path.join(root, "index.html"), "<!doctype html><title>app</title>");
  writeFileSync(path.join(root, "assets", "index-abc123.js"), `/* ${"x".repeat(5000)} */`);
  writeFileSync(path.join(root, "favicon.svg"), "<svg/>");
  return root;
}

test("the app's page is at / and below /browse, without a login, under a strict policy", async () => {
  const server = await startTestServer({ webRoot: builtApp() });
  for (const target of ["/", "/browse", "/browse/backups/a%20b", "/browse/%ff", "/?next=x"]) {
    const { status, headers, body } = await ask(server, target);
    expect([status, body.toString(), headers["cache-control"]]).toEqual([
      200,
      "<!doctype html><title>app</title>",
      "no-cache",
    ]);
    expect(headers["content-security-policy"]).toContain("default-src 'none'; script-src 'self';");
    expect(headers["content-security-policy"]).toContain("frame-ancestors 'none'");
  }
});

test("assets keep for ever where their name says so, and travel compressed", async () => {
  const server = await startTestServer({ webRoot: builtApp() });
  const asset = "/assets/index-abc123.js";
  const plain = await ask(server, asset);
  expect(plain.headers).toMatchObject({
    "content-type": "text/javascript; charset=utf-8",
    "cache-control": "public, max-age=31536000, immutable",
    "x-content-type-options": "nosniff",
  });
  const compressed = await ask(server, asset, { headers: { "accept-encoding": "br, gzip" } });
  expect(compressed.headers["content-encoding"]).toBe("gzip");
  expect(compressed.body.length).toBeLessThan(plain.body.length);
  expect(gunzipSync(compressed.body)).toEqual(plain.body);
  expect((await ask(server, asset, { headers: { "if-none-match": plain.headers.etag } })).status).toBe(304);
  expect((await ask(server, "/favicon.svg")).headers["cache-control"]).toBe("no-cache");
});

test("nothing outside the app's folder has a name", async () => {
  const server = await startTestServer({ webRoot: builtApp() });
  for (const target of ["/../secret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt"]) {
    expect((await ask(server, target)).status).toBe(400);
  }
  for (const target of ["/secret.txt", "//secret.txt", "/assets/", "/assets/..%5csecret.txt", "/index.html"]) {
    expect([target, (await ask(server, target)).status]).toEqual([target, 401]);
  }
});

test("a missing build is said at the start", async () => {
  await expect(startTestServer({ webRoot: scratchDirectory() })).rejects.toThrow("has no index.html");
  await expect(startTestServer({ webRoot: "/nowhere/at/all" })).rejects.toThrow("the web app cannot be read");
});
