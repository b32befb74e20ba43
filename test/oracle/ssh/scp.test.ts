import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { CorruptDataError } from "../../../src/errors.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { MemoryFileSystem } from "../../setup/memory-file-system.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { type Outcome, runClient } from "../../setup/ssh-client.ts";
import { tally } from "../../setup/tally.ts";
import { AWKWARD_NAMES, fileCount, makeAwkwardTree, snapshot } from "./awkward-tree.ts";
import { HostFileSystem } from "./host-file-system.ts";
import { type SshFixture, startSshFixture } from "./ssh-fixture.ts";

beforeAll(() => requireDebianPackages("openssh-client"));

/** scp's own protocol, quietly, with names taken as the server sends them. */
function scp(fixture: SshFixture, ...args: readonly string[]): Promise<Outcome> {
  return runClient("scp", ["-O", "-q", "-F", fixture.configFile, ...args]);
}

async function awkwardFixture(): Promise<{ fixture: SshFixture; source: string; target: string }> {
  const source = scratchDirectory();
  makeAwkwardTree(source);
  const fixture = await startSshFixture(new HostFileSystem(source));
  const target = path.join(fixture.directory, "out");
  mkdirSync(target);
  return { fixture, source, target };
}

const FILES_AND_ATTRIBUTES = { attributes: true, symlinks: false, specials: false };
const holdsLineBreak = (line: string) => line.startsWith("new\nline");

test("scp -O -r -p fetches every file, mode and time; only the name with a line break is refused, in words", async () => {
  const { fixture, source, target } = await awkwardFixture();
  const outcome = await scp(fixture, "-r", "-p", "vmfr:/web/names", "vmfr:/web/sizes", target);
  expect(outcome.stderr).toContain("line break");
  expect(outcome.status).toBe(1);
  for (const part of ["names", "sizes"]) {
    const expected = snapshot(path.join(source, part), FILES_AND_ATTRIBUTES).filter((line) => !holdsLineBreak(line));
    expect(snapshot(path.join(target, part), FILES_AND_ATTRIBUTES)).toEqual(expected);
    tally("files equal after transfer by scp -O", fileCount(expected));
  }
});

test("names reach the server through its shell's quoting, whatever their bytes", async () => {
  const { fixture, source, target } = await awkwardFixture();
  let fetched = 0;
  for (const name of AWKWARD_NAMES) {
    // Arguments of processes are text here, and the client judges the echoed name by its own pattern.
    const text = name.toString();
    if (!Buffer.from(text).equals(name) || text.includes("\n") || /[\\*[$]/.test(text)) continue;
    const quoted = `'${text.replaceAll("'", "'\\''")}'`;
    const outcome = await scp(fixture, "-T", `vmfr:/web/names/${quoted}`, path.join(target, "one"));
    expect(outcome.stderr).toBe("");
    expect(readFileSync(path.join(target, "one"))).toEqual(readFileSync(path.join(source, "names", text)));
    fetched++;
  }
  tally("files equal after transfer by scp -O", fetched);
  const escaped = await scp(fixture, "-T", "vmfr:/web/names/with\\ space", 'vmfr:"/web/names/star*[a-z]?"', target);
  expect(escaped.stderr).toBe("");
  expect(readdirSync(target).sort()).toEqual(["one", "star*[a-z]?", "with space"]);
});

test("names that are not UTF-8 can be asked for byte by byte", async () => {
  const { fixture, target } = await awkwardFixture();
  const script = `scp -O -q -T -F "$0" "vmfr:/web/names/$(printf 'latin1-\\351\\377\\376')" "$1/fetched"`;
  const outcome = await runClient("bash", ["-c", script, fixture.configFile, target]);
  expect(outcome.stderr).toBe("");
  expect(readFileSync(path.join(target, "fetched"), "utf8")).toMatch(/^content \d+\n$/);
});

test("wildcards expand as in a shell: in byte order, without hidden files, across directories", async () => {
  const source = scratchDirectory();
  for (const directory of ["a1", "a2", "b1"]) {
    mkdirSync(path.join(source, directory));
    writeFileSync(path.join(source, directory, `${directory}.txt`), directory);
    writeFileSync(path.join(source, directory, ".hidden"), "hidden");
  }
  const fixture = await startSshFixture(new HostFileSystem(source));
  const target = path.join(fixture.directory, "out");
  mkdirSync(target);
  expect((await scp(fixture, "vmfr:/web/a[12]/*", target)).stderr).toBe("");
  expect(readdirSync(target)).toEqual(["a1.txt", "a2.txt"]);
  expect((await scp(fixture, "vmfr:~/web/?1/b*.txt", target)).stderr).toBe("");
  expect(readdirSync(target)).toEqual(["a1.txt", "a2.txt", "b1.txt"]);
  expect((await scp(fixture, "vmfr:/web/none*", target)).stderr).toContain("no such file or directory");
});

test("symlinks are followed inside the guest and nowhere else; a cycle is cut and named", async () => {
  const source = scratchDirectory();
  mkdirSync(path.join(source, "tree/below"), { recursive: true });
  writeFileSync(path.join(source, "tree/below/file"), "content");
  symlinkSync("below/file", path.join(source, "tree/link"));
  symlinkSync("/tree/below/file", path.join(source, "tree/absolute"));
  symlinkSync("..", path.join(source, "tree/below/up"));
  symlinkSync("../../../../../etc/passwd", path.join(source, "tree/outside"));
  const fixture = await startSshFixture(new HostFileSystem(source));
  const target = path.join(fixture.directory, "out");
  const outcome = await scp(fixture, "-r", "vmfr:/web/tree", target);
  expect(outcome.status).toBe(1);
  expect(outcome.stderr).toContain("contains itself");
  expect(outcome.stderr).toContain("outside: no such file or directory");
  expect(readdirSync(target).sort()).toEqual(["absolute", "below", "link"]);
  expect(readFileSync(path.join(target, "absolute"), "utf8")).toBe("content");
});

test("a file that cannot be read is named; the others arrive", async () => {
  const guest = new MemoryFileSystem();
  const directory = guest.directory(guest.root, "data");
  guest.file(directory, "first", "1");
  const broken = guest.file(directory, "broken", "2");
  guest.file(directory, "last", "3");
  guest.break(broken, new CorruptDataError({ format: "memory", structure: "inode 4" }, "checksum differs"));
  const fixture = await startSshFixture(guest);
  const target = path.join(fixture.directory, "out");
  const outcome = await scp(fixture, "-r", "vmfr:/web/data", target);
  expect(outcome.status).toBe(1);
  expect(outcome.stderr).toContain("checksum differs");
  expect(readdirSync(target).sort()).toEqual(["first", "last"]);
  expect(fixture.log.filter(({ message }) => message === "file read over scp")).toHaveLength(2);
});

test("a hole is sent as the zeros it reads as", async () => {
  const guest = new MemoryFileSystem();
  guest.file(guest.root, "sparse", "", { size: 5_000_000, data: [{ offset: 3_000_000, bytes: Buffer.from("data") }] });
  const fixture = await startSshFixture(guest);
  const target = path.join(fixture.directory, "sparse");
  expect((await scp(fixture, "vmfr:/web/sparse", target)).status).toBe(0);
  const expected = Buffer.alloc(5_000_000);
  expected.write("data", 3_000_000);
  expect(readFileSync(target).equals(expected)).toBe(true);
});

test("uploads, commands and shell tricks are refused with a sentence and change nothing", async () => {
  const { fixture, source } = await awkwardFixture();
  const before = snapshot(source, { attributes: true, symlinks: true, specials: true });
  const local = path.join(fixture.directory, "upload");
  writeFileSync(local, "new");
  const upload = await scp(fixture, local, "vmfr:/web/uploaded");
  expect(upload.status).not.toBe(0);
  expect(upload.stderr).toContain("read-only");
  for (const command of [
    "scp -t /web",
    "scp -f /web/names; id",
    "scp -f $(id)",
    "scp -f `id`",
    "scp -f /web/names > /tmp/x",
    "scp -S /bin/sh -f /web",
    "scp -f 'unfinished",
    "scp",
    "scp -fr -- ../../../../../../etc/passwd",
    "bash -c 'scp -f /web'",
  ]) {
    const outcome = await runClient("ssh", ["-F", fixture.configFile, "vmfr", command], "\0\0\0\0");
    expect({ command, status: outcome.status }).toEqual({ command, status: 1 });
    expect(outcome.stdout.toString() + outcome.stderr).toMatch(/vmfr: |scp: /);
  }
  expect(snapshot(source, { attributes: true, symlinks: true, specials: true })).toEqual(before);
});
