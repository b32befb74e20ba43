import { spawn } from "node:child_process";
import { randomFillSync } from "node:crypto";
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect, test } from "vitest";
import { CorruptDataError } from "../../../src/errors.ts";
import type { SparseSource } from "../../../src/source/byte-source.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { MemoryFileSystem } from "../../setup/memory-file-system.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { type Outcome, runClient } from "../../setup/ssh-client.ts";
import { tally } from "../../setup/tally.ts";
import { snapshot } from "./awkward-tree.ts";
import { HostFileSystem } from "./host-file-system.ts";
import { type SshFixture, startSshFixture } from "./ssh-fixture.ts";

beforeAll(() => requireDebianPackages("openssh-client", "rsync"));

function rsync(fixture: SshFixture, args: string, source: string, target: string): Promise<Outcome> {
  return runClient("rsync", ["-e", `ssh -F ${fixture.configFile}`, ...args.split(" "), `vmfr:/web/${source}`, target]);
}

/** Bytes a transfer with `--stats` sent as they are, and as references to the client's copy. */
function figures({ stdout }: Outcome): { literal: number; matched: number } {
  const figure = (name: string) =>
    Number(new RegExp(`${name}: ([\\d,]+) bytes`).exec(stdout.toString())?.[1]?.replaceAll(",", "") ?? Number.NaN);
  return { literal: figure("Literal data"), matched: figure("Matched data") };
}

const MEBIBYTE = 1 << 20;

function randomBytes(length: number): Buffer {
  return randomFillSync(Buffer.alloc(length));
}

/** Changes to an old copy, each of which leaves most of it useful. */
const CHANGES: Readonly<Record<string, (content: Buffer) => Buffer>> = {
  "a byte differs": (content) =>
    Buffer.concat([content.subarray(0, 1_000_000), Buffer.of(1), content.subarray(1_000_001)]),
  "bytes are missing": (content) => Buffer.concat([content.subarray(0, 700_001), content.subarray(705_000)]),
  "bytes were inserted": (content) => Buffer.concat([content.subarray(0, 3), Buffer.from("new"), content.subarray(3)]),
  "the end is missing": (content) => content.subarray(0, 2_500_000),
  "there is more behind": (content) => Buffer.concat([content, randomBytes(10_000)]),
  "halves are exchanged": (content) => Buffer.concat([content.subarray(2_000_000), content.subarray(0, 2_000_000)]),
};

test("a changed local copy is repaired by what differs alone", async () => {
  const source = scratchDirectory();
  const content = randomBytes(4 * MEBIBYTE + 12_345);
  writeFileSync(path.join(source, "file"), content);
  const fixture = await startSshFixture(new HostFileSystem(source));
  const target = path.join(fixture.directory, "file");
  for (const args of [
    "-a",
    "-az --zc=zlibx",
    "-az --zc=zlib",
    "-a --inplace",
    "-aB1024",
    "-a --cc=md5",
    "-a --cc=xxh64",
    "-a --protocol=30",
    "-a --protocol=29",
    "-az --protocol=27",
  ]) {
    for (const [change, apply] of Object.entries(CHANGES)) {
      writeFileSync(target, apply(content));
      utimesSync(target, 1, 1);
      const outcome = await rsync(fixture, `${args} --stats`, "file", target);
      const label = `${args}: ${change}\n${outcome.stderr}`;
      expect(outcome.status, label).toBe(0);
      expect(readFileSync(target).equals(content), label).toBe(true);
      const { literal, matched } = figures(outcome);
      // In place, blocks that moved towards the end are overwritten before they are needed.
      const isLost = args.includes("inplace") && /inserted|missing|exchanged/.test(change);
      if (!isLost) expect(literal, label).toBeLessThan(change === "the end is missing" ? 1_800_000 : 50_000);
      expect(literal + matched, label).toBe(content.length);
      tally("files repaired by rsync's delta", 1);
    }
  }
}, 120_000);

test("a file of repeated blocks, and copies shorter than a block", async () => {
  const source = scratchDirectory();
  const pattern = randomBytes(700);
  const content = Buffer.concat([Buffer.alloc(2 * MEBIBYTE), ...Array.from({ length: 3000 }, () => pattern)]);
  writeFileSync(path.join(source, "file"), content);
  const fixture = await startSshFixture(new HostFileSystem(source));
  const target = path.join(fixture.directory, "file");
  for (const old of [
    content.subarray(5),
    Buffer.alloc(100),
    Buffer.of(0),
    Buffer.alloc(0),
    content.subarray(0, 1_234_567),
  ]) {
    writeFileSync(target, old);
    utimesSync(target, 1, 1);
    expect((await rsync(fixture, "-a", "file", target)).status).toBe(0);
    expect(readFileSync(target).equals(content)).toBe(true);
  }
  truncateSync(path.join(source, "file"), 0);
  expect((await rsync(fixture, "-aI", "file", target)).status).toBe(0);
  expect(statSync(target).size).toBe(0);
});

test("--append goes on where a copy ends; --append-verify notices that it is another file", async () => {
  const source = scratchDirectory();
  const content = randomBytes(2 * MEBIBYTE + 7);
  writeFileSync(path.join(source, "file"), content);
  const fixture = await startSshFixture(new HostFileSystem(source));
  const target = path.join(fixture.directory, "file");
  for (const args of ["-a --append", "-a --append-verify", "-a --append --protocol=29", "-az --append-verify"]) {
    writeFileSync(target, content.subarray(0, 1_500_000));
    const outcome = await rsync(fixture, `${args} --stats`, "file", target);
    expect(outcome.status, outcome.stderr).toBe(0);
    expect(readFileSync(target).equals(content)).toBe(true);
    expect(figures(outcome).literal).toBe(content.length - 1_500_000);
  }
  writeFileSync(target, Buffer.alloc(1_500_000, 1));
  expect((await rsync(fixture, "-a --append-verify", "file", target)).status).toBe(0);
  expect(readFileSync(target).equals(content)).toBe(true);
});

test("--partial keeps what arrived before a cut, and the next run goes on from there", async () => {
  const source = scratchDirectory();
  const content = randomBytes(24 * MEBIBYTE);
  writeFileSync(path.join(source, "file"), content);
  const fixture = await startSshFixture(new HostFileSystem(source));
  const target = path.join(fixture.directory, "file");
  await interruptWhenPartlyArrived(fixture, target);
  // The receiving process moves it there, perhaps after the one that was interrupted has ended.
  await expect.poll(() => existsSync(target), { timeout: 10_000 }).toBe(true);
  const kept = statSync(target).size;
  expect(kept).toBeGreaterThan(0);
  expect(kept).toBeLessThan(content.length);
  const outcome = await rsync(fixture, "-a --partial --stats", "file", target);
  expect(outcome.status).toBe(0);
  expect(readFileSync(target).equals(content)).toBe(true);
  expect(figures(outcome).matched).toBeGreaterThan(kept * 0.9);
});

/** Ends a slow client as soon as its temporary file has grown a little. */
async function interruptWhenPartlyArrived(fixture: SshFixture, target: string): Promise<void> {
  const remote = ["-e", `ssh -F ${fixture.configFile}`, "-a", "--partial", "--bwlimit=6000"];
  const client = spawn("rsync", [...remote, "vmfr:/web/file", target], { stdio: "ignore" });
  const hasEnded = new Promise((resolve) => client.once("close", resolve));
  const directory = path.dirname(target);
  const arrived = () =>
    readdirSync(directory)
      .filter((name) => name.startsWith(`.${path.basename(target)}.`))
      // Gone by now, perhaps: rsync renames it at the end.
      .some((name) => (statSync(path.join(directory, name), { throwIfNoEntry: false })?.size ?? 0) > MEBIBYTE);
  while (!arrived()) await sleep(20);
  client.kill("SIGINT");
  expect(await hasEnded).not.toBe(0);
}

test("10,000 files in 100 directories, then the few that changed, then one more and one less", async () => {
  const source = scratchDirectory();
  for (let index = 0; index < 10_000; index++) {
    const directory = path.join(source, `d${index % 100}`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(path.join(directory, `file-${index}`), `content ${index}\n`);
  }
  const fixture = await startSshFixture(new HostFileSystem(source));
  const target = path.join(fixture.directory, "out");
  const all = { attributes: true, symlinks: true, specials: true };
  for (const args of ["-a", "-a --no-i-r", "-a --protocol=29"]) {
    rmSync(target, { recursive: true, force: true });
    expect((await rsync(fixture, args, "", target)).status).toBe(0);
    expect(snapshot(target, all)).toEqual(snapshot(source, all));
    tally("files equal after transfer by rsync", 10_000);
  }
  appendFileSync(path.join(target, "d5/file-5"), "changed");
  rmSync(path.join(target, "d7/file-7"));
  writeFileSync(path.join(target, "d9/too-much"), "too much");
  const outcome = await rsync(fixture, "-a --delete --itemize-changes", "", target);
  expect(outcome.status).toBe(0);
  expect(outcome.stdout.toString()).toContain("d5/file-5");
  expect(outcome.stdout.toString()).toContain("*deleting   d9/too-much");
  expect(snapshot(target, all)).toEqual(snapshot(source, all));
}, 120_000);

test("files that cannot be read are named with exit code 23; the rest arrives, and nothing of them stays", async () => {
  const guest = new FailingFileSystem();
  const directory = guest.directory(guest.root, "data");
  guest.file(directory, "first", "1");
  const unreadable = guest.file(directory, "inode", "2");
  guest.file(directory, "late", randomBytes(2 * MEBIBYTE), { mtime: 1_000_000_000n });
  guest.directory(directory, "below");
  const closed = guest.directory(directory, "closed");
  guest.file(directory, "last", "3");
  guest.break(unreadable, new CorruptDataError({ format: "memory", structure: "inode 4" }, "checksum differs"));
  guest.break(closed, new CorruptDataError({ format: "memory", structure: "inode 7" }, "block out of range"));
  for (const args of ["-a", "-a --no-i-r", "-ac", "-a --partial", "-a --protocol=30", "-a --protocol=29", "-az"]) {
    const fixture = await startSshFixture(guest);
    const target = path.join(fixture.directory, "out");
    const outcome = await rsync(fixture, args, "data/", target);
    expect(outcome.status, `${args}\n${outcome.stderr}`).toBe(23);
    expect(outcome.stderr).toContain("checksum differs");
    expect(outcome.stderr).toContain("bad sector");
    const arrived = snapshot(target, { attributes: false, symlinks: true, specials: true }).map(
      (line) => line.split(" ")[0],
    );
    expect(arrived.filter((name) => name !== "late")).toEqual(["below", "first", "last"]);
    // With --partial a client keeps what did arrive; it is the file's beginning, not zeros.
    if (!args.includes("partial")) expect(arrived).not.toContain("late");
  }
});

/** Fails in the middle of files larger than a mebibyte. */
class FailingFileSystem extends MemoryFileSystem {
  override async openFile(node: number): Promise<SparseSource> {
    const source = await super.openFile(node);
    const read = source.read.bind(source);
    source.read = async (offset, length) => {
      if (offset + length <= MEBIBYTE) return read(offset, length);
      throw new CorruptDataError({ format: "memory", structure: "content" }, "bad sector");
    };
    return source;
  }
}

test("every attempt to write, escape or run something is refused in words", async () => {
  const source = scratchDirectory();
  writeFileSync(path.join(source, "file"), "content");
  const fixture = await startSshFixture(new HostFileSystem(source));
  const before = snapshot(source, { attributes: true, symlinks: true, specials: true });
  const local = path.join(fixture.directory, "upload");
  copyFileSync(path.join(source, "file"), local);
  const remote = ["-e", `ssh -F ${fixture.configFile}`];
  const upload = await runClient("rsync", [...remote, "-a", local, "vmfr:/web/"]);
  expect(upload.status).not.toBe(0);
  expect(upload.stderr).toContain("read-only");
  const moved = await rsync(fixture, "-a --remove-source-files", "file", local);
  expect(moved.stderr).toContain("--remove-source-files is refused");
  for (const option of [
    "--log-file=/tmp/vmfr-gone",
    "--daemon",
    "--config=/etc/passwd",
    "--rsh=sh",
    "--write-batch=x",
    "--iconv=utf8",
    "-T/tmp",
    "--copy-devices",
  ]) {
    const outcome = await runClient("rsync", [...remote, "-a", `-M${option}`, "vmfr:/web/file", `${local}-2`]);
    expect(outcome.status, option).not.toBe(0);
    expect(outcome.stderr, option).toMatch(/vmfr: .*(?:refused|not supported)/);
  }
  for (const above of ["../../../../etc/passwd", "/../../etc/passwd"]) {
    const outcome = await runClient("rsync", [...remote, "-a", `vmfr:${above}`, `${local}-3`]);
    expect(outcome.status).toBe(23);
    expect(outcome.stderr).toContain("no such file");
  }
  expect(snapshot(source, { attributes: true, symlinks: true, specials: true })).toEqual(before);
});
