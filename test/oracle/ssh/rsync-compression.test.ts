import { execFileSync } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import * as zlib from "node:zlib";
import { beforeAll, expect, test } from "vitest";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { type Outcome, runClient } from "../../setup/ssh-client.ts";
import { tally } from "../../setup/tally.ts";
import { fileCount, snapshot } from "./awkward-tree.ts";
import { HostFileSystem } from "./host-file-system.ts";
import { type SshFixture, startSshFixture } from "./ssh-fixture.ts";

beforeAll(() => requireDebianPackages("openssh-client", "rsync"));

const hasZstd = "zstdCompress" in zlib;
const ALL = { attributes: true, symlinks: true, specials: true };

/** Fetches /web; `methods` is the client's own list, in its order. */
function rsync(fixture: SshFixture, args: string, target: string, methods?: string): Promise<Outcome> {
  const remote = ["rsync", "-e", `ssh -F ${fixture.configFile}`, ...args.split(" "), "--debug=NSTR", "--stats"];
  const environment = methods === undefined ? [] : [`RSYNC_COMPRESS_LIST=${methods}`];
  return runClient("env", [...environment, ...remote, "vmfr:/web/", target]);
}

/** The method both sides use; the client does not name none. */
function agreed({ stdout }: Outcome): string {
  return /compress: (\w+)/.exec(stdout.toString())?.[1] ?? "none";
}

function bytesReceived({ stdout }: Outcome): number {
  return Number(/bytes received: ([\d,]+)/.exec(stdout.toString())?.[1]?.replaceAll(",", "") ?? Number.NaN);
}

/** Files that compress well, by half, and not at all, of lengths around those of pieces and blocks. */
function makeSource(): string {
  const source = scratchDirectory();
  const text = execFileSync("bash", ["-c", "cat /usr/share/common-licenses/*"]);
  for (const length of [1, 16_303, 16_304, 16_305, 32_608, 262_144, 262_145, 300_000]) {
    writeFileSync(path.join(source, `text-${length}`), Buffer.concat([text, text]).subarray(0, length));
    writeFileSync(path.join(source, `random-${length}`), randomFillSync(Buffer.alloc(length)));
    writeFileSync(path.join(source, `zeros-${length}`), Buffer.alloc(length));
  }
  const halves = Array.from({ length: 300 }, () => [randomFillSync(Buffer.alloc(2000)), text.subarray(0, 2000)]);
  writeFileSync(path.join(source, "halves"), Buffer.concat(halves.flat()));
  return source;
}

test("each method brings the same files in fewer bytes", async () => {
  const source = makeSource();
  const fixture = await startSshFixture(new HostFileSystem(source));
  const target = path.join(fixture.directory, "out");
  const expected = snapshot(source, ALL);
  const plain = bytesReceived(await rsync(fixture, "-a", target));
  for (const method of ["lz4", "zlibx", "zlib", ...(hasZstd ? ["zstd"] : [])]) {
    for (const args of [`-a --zc=${method}`, `-a --zc=${method} --zl=9 --no-i-r`, `-a --protocol=31 --zc=${method}`]) {
      rmSync(target, { recursive: true });
      const outcome = await rsync(fixture, args, target);
      expect(outcome.status, `${args}\n${outcome.stderr}`).toBe(0);
      expect(snapshot(target, ALL), args).toEqual(expected);
      expect(bytesReceived(outcome), args).toBeLessThan(plain * 0.7);
      tally(`files equal after transfer by rsync with ${method}`, fileCount(expected));
    }
  }
});

test("the client's own order decides which method it is", async () => {
  const source = makeSource();
  const fixture = await startSshFixture(new HostFileSystem(source));
  const best = hasZstd ? "zstd" : "lz4";
  for (const [methods, method] of [
    [undefined, best],
    ["zstd lz4 zlibx zlib none", best],
    ["none zlib zlibx lz4 zstd", "none"],
    ["zlib lz4", "zlib"],
    ["lz4 zlib", "lz4"],
    ["zlibx zstd", "zlibx"],
    ["zstd zlibx", hasZstd ? "zstd" : "zlibx"],
  ] as const) {
    const target = path.join(fixture.directory, "out");
    rmSync(target, { recursive: true, force: true });
    const outcome = await rsync(fixture, "-az", target, methods);
    expect(outcome.status, `${methods}\n${outcome.stderr}`).toBe(0);
    expect(agreed(outcome), `${methods}`).toBe(method);
    expect(snapshot(target, ALL)).toEqual(snapshot(source, ALL));
  }
});

test("a method that this side lacks is refused in words: zstd where Node has none", async () => {
  const fixture = await startSshFixture(new HostFileSystem(scratchDirectory()));
  const outcome = await rsync(fixture, "-a --zc=zstd", path.join(fixture.directory, "out"));
  if (hasZstd) expect(outcome.status).toBe(0);
  else expect(outcome.stderr).toContain("compression zstd is not supported here");
  expect(outcome.status === 0).toBe(hasZstd);
});

test("a changed copy is repaired by delta, literals compressed by lz4", async () => {
  const source = scratchDirectory();
  const content = randomFillSync(Buffer.alloc(5_000_000));
  writeFileSync(path.join(source, "file"), content);
  const fixture = await startSshFixture(new HostFileSystem(source));
  const target = path.join(fixture.directory, "out");
  mkdirSync(target);
  const changes = [0, 1_000_000, 1_000_700, 4_999_999];
  for (const args of ["-a --zc=lz4", "-a --zc=lz4 -B700", "-a --zc=lz4 --inplace", "-a --zc=lz4 --no-i-r -c"]) {
    const old = Buffer.from(content);
    for (const offset of changes) old[offset] = (old[offset] ?? 0) ^ 0xff;
    writeFileSync(path.join(target, "file"), old);
    utimesSync(path.join(target, "file"), 1, 1);
    const outcome = await rsync(fixture, args, target);
    expect(outcome.status, `${args}\n${outcome.stderr}`).toBe(0);
    expect(readFileSync(path.join(target, "file")).equals(content), args).toBe(true);
    expect(bytesReceived(outcome), args).toBeLessThan(200_000);
    tally("files repaired by rsync's delta", 1);
  }
});
