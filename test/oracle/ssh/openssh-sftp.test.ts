import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect, test } from "vitest";
import type { SparseSource } from "../../../src/source/byte-source.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { type Outcome, runClient } from "../../setup/ssh-client.ts";
import { tally } from "../../setup/tally.ts";
import { fileCount, makeAwkwardTree, snapshot } from "./awkward-tree.ts";
import { HostFileSystem } from "./host-file-system.ts";
import { type SshFixture, startSshFixture } from "./ssh-fixture.ts";

beforeAll(() => requireDebianPackages("openssh-client"));

function sftp(fixture: SshFixture, commands: readonly string[]): Promise<Outcome> {
  return runClient("sftp", ["-F", fixture.configFile, "-b", "-", "vmfr"], `${commands.join("\n")}\n`);
}

async function awkwardFixture(): Promise<{ fixture: SshFixture; source: string }> {
  const source = scratchDirectory();
  makeAwkwardTree(source);
  return { fixture: await startSshFixture(new HostFileSystem(source)), source };
}

/** The clients follow or skip symlinks and special files; what they do fetch must be the same. */
const FILES_AND_ATTRIBUTES = { attributes: true, symlinks: false, specials: false };

test("get -r fetches every file, mode and time", async () => {
  const { fixture, source } = await awkwardFixture();
  const target = path.join(fixture.directory, "out");
  const outcome = await sftp(fixture, [`get -pR /web ${target}`]);
  expect(outcome.stderr).not.toContain("vmfr:");
  const expected = snapshot(source, FILES_AND_ATTRIBUTES);
  expect(snapshot(target, FILES_AND_ATTRIBUTES)).toEqual(expected);
  tally("files equal after transfer by sftp", fileCount(expected));
});

test("scp fetches the same over the sftp subsystem", async () => {
  const { fixture, source } = await awkwardFixture();
  const target = path.join(fixture.directory, "out");
  await runClient("scp", [
    "-F",
    fixture.configFile,
    "-s",
    "-pr",
    "vmfr:/web/names",
    "vmfr:/web/sizes",
    makeDirectory(target),
  ]);
  for (const part of ["names", "sizes"]) {
    const expected = snapshot(path.join(source, part), FILES_AND_ATTRIBUTES);
    expect(snapshot(path.join(target, part), FILES_AND_ATTRIBUTES)).toEqual(expected);
    tally("files equal after transfer by scp", fileCount(expected));
  }
});

test("scp fetches a file whole whose pieces are read at unequal speeds", async () => {
  const source = scratchDirectory();
  const content = randomBytes(30_000_000);
  writeFileSync(path.join(source, "file"), content);
  const fixture = await startSshFixture(new UnevenFileSystem(source));
  const target = path.join(fixture.directory, "file");
  // Where answers overtake each other this client cuts the file off, with status 0.
  expect(await runClient("scp", ["-F", fixture.configFile, "-s", "vmfr:/web/file", target])).toMatchObject({
    status: 0,
  });
  expect(readFileSync(target).equals(content)).toBe(true);
  tally("files equal after transfer by scp", 1);
});

/** Every second read takes longer than the next. */
class UnevenFileSystem extends HostFileSystem {
  override async openFile(node: number): Promise<SparseSource> {
    const source = await super.openFile(node);
    const read = source.read.bind(source);
    let reads = 0;
    source.read = async (offset, length) => {
      if (reads++ % 2 === 0) await sleep(10);
      return read(offset, length);
    };
    return source;
  }
}

test("reget continues a download that was cut off", async () => {
  const { fixture, source } = await awkwardFixture();
  const target = path.join(fixture.directory, "part");
  writeFileSync(target, readFileSync(path.join(source, "sizes/1500001")));
  truncateSync(target, 700_000);
  const outcome = await sftp(fixture, [`reget /web/sizes/1500001 ${target}`]);
  expect(outcome.status).toBe(0);
  expect(readFileSync(target).equals(readFileSync(path.join(source, "sizes/1500001")))).toBe(true);
});

test("ls -l shows types, permissions and numbers; control characters never reach the terminal raw", async () => {
  const { fixture } = await awkwardFixture();
  const { stdout, status } = await sftp(fixture, ["ls -la /web/kinds", "ls -l /web/names", "df /web", "pwd"]);
  expect(status).toBe(0);
  const text = stdout.toString("latin1");
  expect(text).toMatch(/^-rwsr-xr-x .* 0 +0 +7 Nov 14 +2023 .*setuid/m);
  expect(text).toMatch(/^drwxrwxrwt .*sticky/m);
  expect(text).toMatch(/^prw-.*fifo/m);
  expect(text).toMatch(/^l.*dangling-link/m);
  expect(text).not.toContain("\u0007");
  expect(text).toContain("Remote working directory: /");
});

test("10,000 files in 100 directories", async () => {
  const source = scratchDirectory();
  for (let index = 0; index < 10_000; index++) {
    const directory = path.join(source, `${index % 100}`);
    if (index < 100) mkdirSync(directory);
    writeFileSync(path.join(directory, `file-${index}`), `file number ${index}\n`);
  }
  const fixture = await startSshFixture(new HostFileSystem(source));
  const target = path.join(fixture.directory, "out");
  expect((await sftp(fixture, [`get -R /web ${target}`])).status).toBe(0);
  const options = { attributes: false, symlinks: false, specials: false };
  const expected = snapshot(source, options);
  expect(snapshot(target, options)).toEqual(expected);
  tally("files equal after transfer by sftp", fileCount(expected));
});

test("16 clients at once", async () => {
  const { fixture, source } = await awkwardFixture();
  const expected = snapshot(path.join(source, "sizes"), FILES_AND_ATTRIBUTES);
  const clients = Array.from({ length: 16 }, async (_, index) => {
    const target = path.join(fixture.directory, `out-${index}`);
    expect((await sftp(fixture, [`get -pR /web/sizes ${target}`])).status).toBe(0);
    expect(snapshot(target, FILES_AND_ATTRIBUTES)).toEqual(expected);
    tally("files equal after transfer by sftp", fileCount(expected));
  });
  await Promise.all(clients);
});

test.each([
  ["put", (file: string) => `put ${file} /web/new`],
  ["overwrite", (file: string) => `put ${file} /web/sizes/1`],
  ["rm", () => "rm /web/sizes/1"],
  ["rmdir", () => "rmdir /web/kinds/sticky"],
  ["mkdir", () => "mkdir /web/new"],
  ["rename", () => "rename /web/sizes/1 /web/sizes/2"],
  ["old rename", () => "rename -l /web/sizes/1 /web/sizes/2"],
  ["ln", () => "ln /web/sizes/1 /web/sizes/2"],
  ["ln -s", () => "ln -s /web/sizes/1 /web/sizes/2"],
  ["chmod", () => "chmod 777 /web/sizes/1"],
  ["chown", () => "chown 1 /web/sizes/1"],
])("%s is refused and changes nothing", async (_name, command) => {
  const { fixture, source } = await awkwardFixture();
  const options = { attributes: true, symlinks: true, specials: true };
  const before = snapshot(source, options);
  const outcome = await sftp(fixture, [command(fixture.keyFile)]);
  expect(outcome.status).toBe(1);
  expect(outcome.stderr).toMatch(/Permission denied|does not support/i);
  expect(snapshot(source, options)).toEqual(before);
});

test("what does not exist is said so, and does not end the session", async () => {
  const { fixture } = await awkwardFixture();
  const { status, stdout, stderr } = await sftp(fixture, [
    "-ls /web/nothing",
    "-get /web/kinds/dangling-link",
    "-get /web/kinds/loop",
    "pwd",
  ]);
  expect(status).toBe(0);
  expect(stderr).toContain("/web/nothing");
  expect(stdout.toString()).toContain("Remote working directory: /");
});

function makeDirectory(directory: string): string {
  mkdirSync(directory);
  return directory;
}
