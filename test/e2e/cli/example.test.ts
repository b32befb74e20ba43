import { createHash } from "node:crypto";
import { lstatSync, readFileSync, readlinkSync, statSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { example, exampleBucket, vmfr } from "../setup/vmfr.ts";

/** What the example's builder put where: backup, disk, volume, path, description. */
type Expected = Record<string, Record<string, Record<string, Record<string, string>>>>;

const expected: Expected = JSON.parse(readFileSync(path.resolve(exampleBucket, "../expected.json"), "utf8"));
const BACKUP = "web-1-2026-11-18";
const ROOT = `/backups/${BACKUP}/web-1-root`;
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

async function json<Value>(args: readonly string[]): Promise<Value> {
  const { code, stdout, stderr } = await vmfr([...args, "--json"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout.toString());
}

/** The one description of a file of the root disk, whichever of its volumes it is on. */
function expectedFile(filePath: string): string {
  const volumes = Object.values(expected[BACKUP]?.["web-1-root"] ?? {});
  const found = volumes.map((files) => files[filePath]).find((description) => description?.includes("sha256:"));
  if (found === undefined) throw new Error(`expected.json does not know ${filePath}`);
  return found;
}

test("discover names the backups that contain the VM, and why others do not", async () => {
  const found = await json<{ validBackups: { name: string }[]; invalidBackups: { name: string; reason: string }[] }>([
    "discover",
    ...example,
  ]);
  expect(found.validBackups.map(({ name }) => name)).toEqual([
    "web-1-2026-11-18",
    "web-1-2026-11-17",
    "web-1-2026-11-16",
  ]);
  const reasons = Object.fromEntries(found.invalidBackups.map(({ name, reason }) => [name, reason]));
  expect(reasons["before-upgrade-2026-11-14"]).toContain("CSI snapshot and not in the bucket");
  expect(reasons["db-1-2026-11-15"]).toBe("VM not found in backup");
});

test("discover without a match says so and exits with 3", async () => {
  const { code, stdout } = await vmfr(["discover", "--store", exampleBucket, "--vm", "demo/web-9"]);
  expect(code).toBe(3);
  expect(stdout.toString()).toContain("No backups found");
});

test("cat writes the file and nothing else", async () => {
  const { code, stdout, stderr } = await vmfr(["cat", ...example, `${ROOT}/etc/nginx/nginx.conf`]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(expectedFile("/etc/nginx/nginx.conf")).toContain(`sha256:${sha256(stdout)}`);
});

test("ls -R --json lists every file of a disk as its builder made it", async () => {
  const listed = await json<{ path: string; href: string; type: string; mode: string; uid: number; gid: number }[]>([
    "ls",
    "-R",
    ...example,
    `/backups/${BACKUP}/web-1-data`,
  ]);
  const [files] = Object.values(expected[BACKUP]?.["web-1-data"] ?? {});
  const described = Object.entries(files ?? {}).filter(([name]) => name !== "/");
  expect(listed.length).toBeGreaterThanOrEqual(described.length);
  for (const [name, description] of described) {
    const [type, mode, owner] = description.split(" ");
    const entry = listed.find((candidate) => candidate.path === `/backups/${BACKUP}/web-1-data${name}`);
    expect(entry && { type: entry.type, mode: entry.mode, owner: `${entry.uid}:${entry.gid}` }, name).toEqual({
      type,
      mode,
      owner,
    });
  }
});

test("stat shows extended attributes and the link itself", async () => {
  const [link] = await json<{ type: string; target: string }[]>(["stat", ...example, `${ROOT}/etc/os-release`]);
  expect(link).toMatchObject({ type: "symlink", target: "../usr/lib/os-release" });
});

test("get copies a folder with its modes, times and links", async () => {
  const scratch = scratchDirectory();
  const { code, stderr } = await vmfr(["get", ...example, `${ROOT}/etc`, "-o", path.join(scratch, "etc")]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const configuration = path.join(scratch, "etc/nginx/nginx.conf");
  expect(expectedFile("/etc/nginx/nginx.conf")).toContain(`sha256:${sha256(readFileSync(configuration))}`);
  expect(statSync(configuration).mtime.toISOString()).toBe("2026-09-01T06:10:00.000Z");
  expect(readlinkSync(path.join(scratch, "etc/os-release"))).toBe("../usr/lib/os-release");
  expect(lstatSync(path.join(scratch, "etc/nginx/tls.key")).mode & 0o7777).toBe(0o640);
});

test("get does not overwrite unless told to", async () => {
  const scratch = scratchDirectory();
  const args = ["get", ...example, `${ROOT}/etc/hostname`, "-o", path.join(scratch, "hostname")];
  expect((await vmfr(args)).code).toBe(0);
  const again = await vmfr(args);
  expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining("--force overwrites it") });
  expect((await vmfr([...args, "--force"])).code).toBe(0);
});

test("what is missing is named, what is there still arrives", async () => {
  const { code, stdout, stderr } = await vmfr(["cat", ...example, `${ROOT}/etc/hostname`, `${ROOT}/etc/nothing`]);
  expect(code).toBe(9);
  expect(stdout.toString()).toBe("web-1\n");
  expect(stderr).toContain(`${ROOT}/etc/nothing: no such file or directory`);
  expect((await vmfr(["cat", ...example, `${ROOT}/etc/nothing`])).code).toBe(3);
});

test("image is refused where it is ambiguous, and written sparsely", async () => {
  const ambiguous = await vmfr(["image", ...example, "web-1-data"]);
  expect(ambiguous).toMatchObject({ code: 2, stderr: expect.stringContaining("in several backups") });
  const scratch = scratchDirectory();
  const file = path.join(scratch, "data.img");
  expect((await vmfr(["image", ...example, `${BACKUP}/web-1-data`, "-o", file])).code).toBe(0);
  const { stdout } = await vmfr(["image", ...example, `${BACKUP}/web-1-data`]);
  expect(sha256(readFileSync(file))).toBe(sha256(stdout));
  expect(statSync(file).blocks * 512).toBeLessThan(stdout.length);
});

test("inspect describes the disks of every backup", async () => {
  const disks = await json<{ name: string; partitionTable: { scheme: string }; volumes: object[] }[]>([
    "inspect",
    ...example,
  ]);
  expect(disks).toHaveLength(6);
  expect(disks[0]).toMatchObject({ name: `${BACKUP}/web-1-root`, partitionTable: { scheme: "gpt" } });
});

test("history tells in which backup a file changed, diff tells how", async () => {
  const file = "web-1-root/etc/nginx/sites-available/shop.conf";
  const states = await json<{ backup: string; state: string }[]>(["history", ...example, file]);
  expect(states.map(({ state }) => state)).toEqual(["first", "changed", "same"]);

  const etc = (day: number): string => `/backups/web-1-2026-11-${day}/web-1-root/etc`;
  const changed = await vmfr(["diff", ...example, etc(16), etc(17)]);
  expect(changed.code).toBe(1);
  expect(changed.stdout.toString()).toContain("-\tserver 127.0.0.1:8080;\n+\tserver 127.0.0.1:8081\n");
  expect(await vmfr(["diff", ...example, etc(17), etc(18)])).toMatchObject({ code: 0, stderr: "" });
});

test("a deleted document is found in the backups that still have it", async () => {
  const { code, stdout } = await vmfr(["find", ...example, "--name", "*.png", "--type", "file", `${ROOT}/home`]);
  expect({ code, found: stdout.toString() }).toEqual({ code: 0, found: `${ROOT}/home/anna/pictures/product.png\n` });
});

test.each([
  [["ls"], "--store URL"],
  [["ls", "--store", exampleBucket], "--vm NAMESPACE/NAME"],
  [["ls", "--store", exampleBucket, "--vm", "web-1"], "--vm NAMESPACE/NAME"],
  [["ls", "--disk", "/nonexistent.img"], "no such file"],
  [["serve", ...example, "--ttl", "soon"], "not a duration"],
  [["frobnicate"], "unknown command"],
])("%j is refused with the way out", async (args, advice) => {
  const { code, stderr } = await vmfr(args);
  expect(code).not.toBe(0);
  expect(stderr).toContain(advice);
});
