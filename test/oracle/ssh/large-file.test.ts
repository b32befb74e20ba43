import { createHash, randomFillSync } from "node:crypto";
import {
  closeSync,
  createReadStream,
  ftruncateSync,
  openSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { makeDisk, type ServedDisks, serveDisks } from "../../e2e/ssh/served-disks.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { withLoopMount } from "../../setup/loop-mount.ts";
import { peakMemory } from "../../setup/peak-memory.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { runClient } from "../../setup/ssh-client.ts";
import { tally } from "../../setup/tally.ts";

beforeAll(() => requireDebianPackages("openssh-client", "rsync", "e2fsprogs"));

const GIBIBYTE = 2 ** 30;
const MEBIBYTE = 2 ** 20;
const SIZE = 5 * GIBIBYTE + 12_345;
/** Where data is: at both ends, across offsets whose numbers outgrow 31 and 32 bits, and in between. */
const ISLANDS = [0, 2 * GIBIBYTE - 70_000, 3 * GIBIBYTE + 1, 4 * GIBIBYTE - 70_000, SIZE - MEBIBYTE];
const TEN_MINUTES = 600_000;
const MEMORY_LIMIT = 300;

function writeLargeFile(root: string): void {
  const output = openSync(path.join(root, "large"), "w");
  ftruncateSync(output, SIZE);
  for (const offset of ISLANDS) writeSync(output, randomFillSync(Buffer.alloc(MEBIBYTE)), 0, MEBIBYTE, offset);
  closeSync(output);
}

async function sha256(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file, { highWaterMark: 4 * MEBIBYTE })) hash.update(chunk);
  return hash.digest("hex");
}

async function run({ configFile }: ServedDisks, command: string, args: readonly string[], input = ""): Promise<void> {
  // Of what both sides have, the cipher that costs least.
  const cipher = "-oCiphers=aes128-gcm@openssh.com";
  const remote = command === "rsync" ? ["-e", `ssh -F ${configFile} ${cipher}`] : ["-F", configFile, cipher];
  const { status, stderr } = await runClient(command, [...remote, ...args], input, TEN_MINUTES);
  expect(status, `${command} ${args.join(" ")}\n${stderr}`).toBe(0);
}

test(
  "a file of 5 GiB arrives by every client, is continued from beyond 4 GiB, and repaired there by delta",
  async () => {
    const scratch = scratchDirectory();
    const image = await makeDisk(path.join(scratch, "disk.img"), 8192, writeLargeFile);
    const expected = await withLoopMount(image, "ro", (root) => sha256(path.join(root, "large")));
    const served = await serveDisks({ disk: image });
    const target = path.join(scratch, "large");
    const arrived = async (how: string) => {
      expect(statSync(target).size, how).toBe(SIZE);
      expect(await sha256(target), how).toBe(expected);
      tally("5 GiB files equal after transfer", 1);
    };

    await run(served, "rsync", ["-aS", "vmfr:/disk/large", target]);
    await arrived("rsync");
    expect(statSync(target).blocks * 512).toBeLessThan(SIZE / 10);

    await breakCopy(target, 4 * GIBIBYTE + 123_456);
    await run(served, "rsync", ["-a", "--inplace", "--ignore-times", "vmfr:/disk/large", target]);
    await arrived("rsync, delta");

    truncateSync(target, 4 * GIBIBYTE + 4321);
    await run(served, "sftp", ["-b", "-", "vmfr"], `reget /disk/large ${target}\n`);
    await arrived("sftp, continued");
    for (const [how, ...args] of [["sftp"], ["scp"], ["scp", "-O"]] as const) {
      rmSync(target);
      await run(served, how, [...args, "vmfr:/disk/large", target]);
      await arrived([how, ...args].join(" "));
    }
    expect(peakMemory(served.server.process.pid)).toBeLessThan(MEMORY_LIMIT);
  },
  3 * TEN_MINUTES,
);

/** Writes something else over a few bytes, as an interrupted or older copy would have. */
async function breakCopy(file: string, offset: number): Promise<void> {
  const copy = openSync(file, "r+");
  writeSync(copy, Buffer.from("something else"), 0, 14, offset);
  closeSync(copy);
}
