import { isUtf8 } from "node:buffer";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect, test } from "vitest";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { runClient } from "../../setup/ssh-client.ts";
import { tally } from "../../setup/tally.ts";
import { fileCount, makeAwkwardTree, snapshot, walk } from "./awkward-tree.ts";
import { HostFileSystem } from "./host-file-system.ts";
import { type SshFixture, startSshFixture } from "./ssh-fixture.ts";

beforeAll(() => requireDebianPackages("openssh-client", "sshfs", "lftp", "rclone", "python3-paramiko"));

async function awkwardFixture(): Promise<{ fixture: SshFixture; source: string; target: string }> {
  const source = scratchDirectory();
  makeAwkwardTree(source);
  const fixture = await startSshFixture(new HostFileSystem(source));
  const target = path.join(fixture.directory, "out");
  mkdirSync(target);
  return { fixture, source, target };
}

/** An rclone remote given on the command line. */
function rcloneRemote({ port, keyFile, knownHostsFile }: SshFixture): readonly string[] {
  return [
    "--config=/dev/null",
    "--sftp-host=127.0.0.1",
    `--sftp-port=${port}`,
    "--sftp-user=restore",
    `--sftp-key-file=${keyFile}`,
    `--sftp-known-hosts-file=${knownHostsFile}`,
    "--sftp-shell-type=none",
  ];
}

test("an sshfs mount is the same tree, symlinks and special files included", async () => {
  const { fixture, source, target } = await awkwardFixture();
  // Since its 3.7.3-1.2 in Debian sshfs refuses absolute targets unless told otherwise.
  const help = await runClient("sshfs", ["--help"]);
  const links = help.stdout.includes("no_contain_symlinks") ? ["-o", "no_contain_symlinks"] : [];
  const mounted = await runClient("sshfs", ["-F", fixture.configFile, ...links, "vmfr:/web", target]);
  expect(mounted).toMatchObject({ status: 0 });
  // A child, since a synchronous look at the mount from here would wait for the server in this very process.
  const script = path.resolve(import.meta.dirname, "print-snapshot.ts");
  try {
    const { stdout, stderr } = await runClient(process.execPath, ["--import", "tsx", script, target]);
    expect(stderr).toBe("");
    const expected = snapshot(source, { attributes: true, symlinks: true, specials: true });
    expect(stdout.toString().split("\n")).toEqual(expected.map((line) => JSON.stringify(line)));
    tally("files equal after transfer by sshfs", fileCount(expected));
  } finally {
    await runClient("fusermount3", ["-u", target]);
  }
});

test("lftp mirrors the tree", async () => {
  const { fixture, source, target } = await awkwardFixture();
  const connect = `ssh -a -x -F ${fixture.configFile}`;
  const commands = `set sftp:connect-program "${connect}"; set sftp:charset iso-8859-1; set file:charset iso-8859-1; open sftp://restore:@vmfr; mirror /web/sizes ${target}/sizes; mirror /web/kinds/deep ${target}/deep`;
  const { status, stderr } = await runClient("lftp", ["--norc", "-c", commands]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  for (const part of ["sizes", "deep"]) {
    const from = path.join(source, part === "deep" ? "kinds/deep" : part);
    const options = { attributes: true, symlinks: false, specials: false };
    const expected = snapshot(from, options);
    expect(snapshot(path.join(target, part), options)).toEqual(expected);
    tally("files equal after transfer by lftp", fileCount(expected));
  }
});

test("rclone copies the tree, and hashes 1 GiB of a sparse file as it streams", async () => {
  const source = scratchDirectory();
  mkdirSync(path.join(source, "tree"));
  for (let index = 0; index < 200; index++) writeFileSync(path.join(source, `tree/${index}`), `file ${index}\n`);
  const { size, sha256 } = makeSparseFile(path.join(source, "sparse"));
  expect(size).toBe(1 << 30);
  const fixture = await startSshFixture(new HostFileSystem(source));
  const target = path.join(fixture.directory, "out");
  const copied = await runClient("rclone", [...rcloneRemote(fixture), "copy", ":sftp:/web/tree", target]);
  expect(copied).toMatchObject({ status: 0 });
  const options = { attributes: false, symlinks: false, specials: false };
  const expected = snapshot(path.join(source, "tree"), options);
  expect(snapshot(target, options)).toEqual(expected);
  const remote = [...rcloneRemote(fixture), "hashsum", "sha256", "--download", ":sftp:/web/sparse"];
  const hashed = await runClient("rclone", remote);
  expect(hashed.stdout.toString()).toBe(`${sha256}  sparse\n`);
  tally("files equal after transfer by rclone", fileCount(expected) + 1);
});

test("paramiko walks the tree: names, attributes and contents", async () => {
  const { fixture, source } = await awkwardFixture();
  // paramiko gives up on a directory with a name that is not UTF-8; OpenSSH and sshfs above do not.
  for (const { name, path: file } of [...walk(source)]) if (!isUtf8(Buffer.from(name, "latin1"))) rmSync(file);
  const script = path.resolve(import.meta.dirname, "paramiko-walk.py");
  const { stdout, stderr } = await runClient("/usr/bin/python3", [
    "-W",
    "ignore",
    script,
    String(fixture.port),
    fixture.keyFile,
    "/web",
  ]);
  expect(stderr).toBe("");
  const expected = [...walk(source)].map(({ name }) => name).sort();
  const walked: Record<string, string> = JSON.parse(stdout.toString());
  expect(Object.keys(walked).sort()).toEqual(expected);
  let equal = 0;
  for (const [name, description] of Object.entries(walked)) {
    const file = Buffer.concat([Buffer.from(`${source}/`), Buffer.from(name, "latin1")]);
    if (!description.startsWith("file ")) continue;
    expect(description).toBe(`file ${createHash("sha256").update(readFileSync(file)).digest("hex")}`);
    equal++;
  }
  expect(equal).toBeGreaterThan(20);
  tally("files equal after transfer by paramiko", equal);
});

test("a client killed in the middle of a download leaves nothing behind", async () => {
  const source = scratchDirectory();
  makeSparseFile(path.join(source, "sparse"));
  const fixture = await startSshFixture(new HostFileSystem(source));
  const abort = new AbortController();
  const child = spawn(
    "sftp",
    ["-F", fixture.configFile, "-l", "8000", "vmfr:/web/sparse", path.join(fixture.directory, "out")],
    {
      stdio: "ignore",
      signal: abort.signal,
      killSignal: "SIGKILL",
    },
  );
  child.on("error", () => undefined);
  while (!fixture.log.some(({ message }) => message === "ssh login")) await sleep(20);
  await sleep(300);
  abort.abort();
  const closed = () => fixture.log.some(({ message }) => message === "file read over sftp");
  for (let waited = 0; waited < 100 && !closed(); waited++) await sleep(50);
  expect(closed()).toBe(true);
  expect(fixture.log.filter(({ level }) => level === "error")).toEqual([]);
});

/** 1 GiB with data at its start, across a block boundary and at its very end. */
function makeSparseFile(file: string): { size: number; sha256: string } {
  const size = 1 << 30;
  const descriptor = openSync(file, "w");
  ftruncateSync(descriptor, size);
  for (const offset of [0, 524_288 * 700 - 3, size - 7]) writeSync(descriptor, Buffer.from("islands"), 0, 7, offset);
  closeSync(descriptor);
  const hash = createHash("sha256");
  const reader = openSync(file, "r");
  const chunk = Buffer.alloc(1 << 22);
  for (let offset = 0; offset < size; offset += chunk.length) {
    readSync(reader, chunk, 0, chunk.length, offset);
    hash.update(chunk);
  }
  closeSync(reader);
  return { size, sha256: hash.digest("hex") };
}
