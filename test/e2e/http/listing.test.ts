import { expect, test } from "vitest";
import type { EntryDetails, Inventory, Listing } from "../../../src/serve/http/api-types.ts";
import { ask, BASIC } from "./support/clients.ts";
import { DISK, startTestServer, type TestServer } from "./support/test-server.ts";

async function json<Body>(server: TestServer, target: string): Promise<Body> {
  const { status, body } = await ask(server, target, { headers: BASIC });
  expect(status).toBe(200);
  return JSON.parse(body.toString()) as Body;
}

test("a large directory comes in pages, every entry once and in disk order", async () => {
  const server = await startTestServer();
  const names = Array.from({ length: 2503 }, (_, index) => `file-${index}`);
  for (const name of names) server.files.file(2, name);
  const listed: string[] = [];
  let next: string | undefined = "";
  let pages = 0;
  while (next !== undefined) {
    const after: string = next === "" ? "" : `&after=${encodeURIComponent(next)}`;
    const page: Listing = await json<Listing>(server, `/api/v1/tree${DISK}?limit=1000${after}`);
    listed.push(...page.entries.map(({ name }) => name));
    next = page.next;
    pages++;
  }
  expect(listed).toEqual(names);
  expect(pages).toBe(3);
});

test("limits outside 1 to 5000 are refused", async () => {
  const server = await startTestServer();
  for (const limit of ["0", "5001", "-1", "x", "1e3", ""]) {
    expect((await ask(server, `/api/v1/tree${DISK}?limit=${limit}`, { headers: BASIC })).status).toBe(400);
  }
});

test("entries say what stat says, links where they lead", async () => {
  const server = await startTestServer();
  const etc = server.files.directory(2, "etc");
  const options = { mode: 0o4755, uid: 1000, gid: 3_000_000, mtime: 1_700_000_000_123_456_789n, flags: ["immutable"] };
  server.files.file(etc, "tool", "12345", {
    ...options,
    allocated: 4096,
    links: 2,
    xattrs: [{ name: Buffer.from("user.note"), value: Buffer.from([0, 255]) }],
  });
  server.files.symlink(etc, "to-tool", "/etc/tool");
  server.files.symlink(etc, "to-etc", "../etc");
  server.files.symlink(etc, "to-nothing", "\u202enothing");
  const listing = await json<Listing>(server, `/api/v1/tree${DISK}/etc/to-etc`);
  expect(listing.path).toEqual({ text: `${DISK}/etc`, href: `${DISK}/etc` });
  expect(listing.entries).toMatchObject([
    {
      name: "tool",
      href: "tool",
      type: "file",
      size: 5,
      mode: 0o4755,
      uid: 1000,
      gid: 3_000_000,
      mtime: "2023-11-14T22:13:20.123456789Z",
      mtimeMs: 1_700_000_000_123,
      allocated: 4096,
      links: 2,
      flags: ["immutable"],
    },
    { name: "to-tool", type: "symlink", target: "/etc/tool", targetType: "file" },
    { name: "to-etc", target: "../etc", targetType: "directory" },
    { name: "to-nothing", target: "\\xe2\\x80\\xaenothing", targetType: "broken" },
  ]);
  const details = await json<EntryDetails>(server, `/api/v1/stat${DISK}/etc/tool`);
  expect(details).toMatchObject({
    name: "tool",
    size: 5,
    path: { href: `${DISK}/etc/tool` },
    xattrs: [{ name: "user.note", valueBase64: "AP8=" }],
  });
  expect(await json<EntryDetails>(server, `/api/v1/stat${DISK}/etc/to-tool`)).toMatchObject({
    type: "symlink",
    targetType: "file",
  });
});

test("the root, and what is in the backups", async () => {
  const server = await startTestServer();
  const root = await json<Listing>(server, "/api/v1/tree");
  expect(root.path).toEqual({ text: "/", href: "/" });
  expect(root.entries.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["backups", "restores", "METADATA.json"]),
  );
  const inventory = await json<Inventory>(server, "/api/v1/inventory");
  expect(inventory.backups).toMatchObject([
    { name: "nightly-1", vm: { namespace: "shop", name: "web" }, disks: [{ name: "web" }] },
  ]);
});

test("METADATA.json is a file like any other", async () => {
  const server = await startTestServer();
  await json<Listing>(server, `/api/v1/tree${DISK}`);
  expect((await json<Inventory>(server, "/files/METADATA.json")).backups).toMatchObject([{ name: "nightly-1" }]);
});

test("listing a file, or nothing, is refused", async () => {
  const server = await startTestServer();
  server.files.file(2, "a", "x");
  expect((await ask(server, `/api/v1/tree${DISK}/a`, { headers: BASIC })).status).toBe(404);
  expect((await ask(server, `/api/v1/tree${DISK}/b`, { headers: BASIC })).status).toBe(404);
});
