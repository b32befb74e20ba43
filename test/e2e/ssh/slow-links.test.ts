import { type ChildProcess, spawn } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { fileCount, makeAwkwardTree, snapshot } from "../../oracle/ssh/awkward-tree.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { withLoopMount } from "../../setup/loop-mount.ts";
import { peakMemory } from "../../setup/peak-memory.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { openSlowLink, type SlowLink, type SlowLinkOptions } from "../../setup/slow-link.ts";
import { runClient } from "../../setup/ssh-client.ts";
import { tally } from "../../setup/tally.ts";
import { makeDisk, type ServedDisks, serveDisks } from "./served-disks.ts";

beforeAll(() => requireDebianPackages("openssh-client", "rsync", "e2fsprogs"));

const FILES_AND_ATTRIBUTES = { attributes: true, symlinks: false, specials: false };
const EVERYTHING = { attributes: true, symlinks: true, specials: true };
const BIG_LENGTH = 64 * 2 ** 20;
const MEMORY_LIMIT = 300;

function fillDisk(root: string): void {
  mkdirSync(path.join(root, "tree"));
  makeAwkwardTree(path.join(root, "tree"));
  writeFileSync(path.join(root, "big"), randomFillSync(Buffer.alloc(BIG_LENGTH)));
}

async function serve(): Promise<ServedDisks & { readonly image: string }> {
  const image = await makeDisk(path.join(scratchDirectory(), "disk.img"), 128, fillDisk);
  return { ...(await serveDisks({ disk: image })), image };
}

async function slowLink(served: ServedDisks, options: Omit<SlowLinkOptions, "port">): Promise<SlowLink> {
  const link = await openSlowLink({ port: served.server.ssh.port, ...options });
  onTestFinished(() => link.close());
  return link;
}

async function run(command: string, args: readonly string[], input = ""): Promise<void> {
  const { status, stderr } = await runClient(command, args, input);
  expect(status, `${command} ${args.join(" ")}\n${stderr}`).toBe(0);
}

test("50 ms there and back at 2 MB/s: what arrives is the same", async () => {
  const served = await serve();
  const link = await slowLink(served, { delayMs: 25, bytesPerSecond: 2_000_000 });
  const configFile = served.configFor(link.port);
  const target = (name: string) => path.join(served.directory, name);
  const rsync = ["-e", `ssh -F ${configFile}`, "-aH", "vmfr:/disk/tree/", target("rsync")];
  await run("sftp", ["-F", configFile, "-b", "-", "vmfr"], `get -pR /disk/tree ${target("sftp")}\n`);
  await run("scp", ["-F", configFile, "-q", "-s", "-pr", "vmfr:/disk/tree/sizes", target("scp")]);
  await run("scp", ["-F", configFile, "-q", "-O", "-pr", "vmfr:/disk/tree/sizes", target("scp-O")]);
  await run("rsync", rsync);
  await withLoopMount(served.image, "ro", (root) => {
    for (const [name, folder, compared] of [
      ["sftp", "tree", FILES_AND_ATTRIBUTES],
      ["scp", "tree/sizes", FILES_AND_ATTRIBUTES],
      ["scp-O", "tree/sizes", FILES_AND_ATTRIBUTES],
      ["rsync", "tree", EVERYTHING],
    ] as const) {
      const expected = snapshot(path.join(root, folder), compared);
      expect(snapshot(target(name), compared), name).toEqual(expected);
      tally("files equal after transfer over a slow link", fileCount(expected));
    }
  });
  const carried = link.carried;
  expect(carried).toBeGreaterThan(4 * 2_500_000);
  await run("rsync", rsync);
  expect(link.carried - carried).toBeLessThan(50_000);
}, 300_000);

/** A download that has begun. */
interface Download {
  readonly process: ChildProcess;
  readonly target: string;
  readonly ended: Promise<number | null>;
}

async function beginDownload({ directory }: ServedDisks, configFile: string, name: string): Promise<Download> {
  const target = path.join(directory, name);
  // A group of its own, so that the client and its ssh can be stopped together.
  const client = spawn("sftp", ["-q", "-F", configFile, "vmfr:/disk/big", target], { stdio: "ignore", detached: true });
  const ended = new Promise<number | null>((resolve) => client.once("exit", resolve));
  while (client.exitCode === null && !(existsSync(target) && statSync(target).size > 0)) await sleep(5);
  return { process: client, target, ended };
}

function signalGroup({ process: { pid } }: Download, signal: NodeJS.Signals): void {
  if (pid === undefined) throw new Error("the client did not start");
  process.kill(-pid, signal);
}

test("clients that stop in the middle and one on a line of 50 kB/s slow nobody, and cost little memory", async () => {
  const served = await serve();
  const { configFile, directory } = served;
  const crawling = await slowLink(served, { delayMs: 25, bytesPerSecond: 50_000 });
  const stopped: Download[] = [];
  for (let index = 0; index < 8; index++) {
    const download = await beginDownload(served, configFile, `stopped-${index}`);
    signalGroup(download, "SIGSTOP");
    expect(download.process.exitCode).toBe(null);
    stopped.push(download);
  }
  const crawler = await beginDownload(served, served.configFor(crawling.port), "crawler");

  await run("scp", ["-F", configFile, "-q", "vmfr:/disk/big", path.join(directory, "scp")]);
  await run("sftp", ["-F", configFile, "-b", "-", "vmfr"], `get -pR /disk/tree ${path.join(directory, "tree")}\n`);
  await run("rsync", ["-e", `ssh -F ${configFile}`, "-a", "vmfr:/disk/big", path.join(directory, "rsync")]);
  const unfinished = [...stopped, crawler].filter(({ process: { exitCode } }) => exitCode === null);
  expect(unfinished).toHaveLength(stopped.length + 1);
  const peak = peakMemory(served.server.process.pid);
  console.log(`${stopped.length} stopped clients: the server took ${peak.toFixed(0)} MiB at most`);
  expect(peak).toBeLessThan(MEMORY_LIMIT);

  signalGroup(crawler, "SIGKILL");
  for (const download of stopped) signalGroup(download, "SIGCONT");
  expect(await Promise.all(stopped.map(({ ended }) => ended))).toEqual(stopped.map(() => 0));
  await withLoopMount(served.image, "ro", (root) => {
    const big = readFileSync(path.join(root, "big"));
    const arrived = [
      ...stopped.map(({ target }) => target),
      path.join(directory, "scp"),
      path.join(directory, "rsync"),
    ];
    for (const target of arrived) expect(readFileSync(target).equals(big), target).toBe(true);
    tally("files equal after transfer beside slow clients", arrived.length);
    const tree = snapshot(path.join(root, "tree"), FILES_AND_ATTRIBUTES);
    expect(snapshot(path.join(directory, "tree"), FILES_AND_ATTRIBUTES)).toEqual(tree);
  });
}, 300_000);
