import { randomFillSync } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { fileCount, makeAwkwardTree, snapshot } from "../../oracle/ssh/awkward-tree.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { withLoopMount } from "../../setup/loop-mount.ts";
import { peakMemory } from "../../setup/peak-memory.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { runClient } from "../../setup/ssh-client.ts";
import { tally } from "../../setup/tally.ts";
import { makeDisk, type ServedDisks, serveDisks } from "./served-disks.ts";

beforeAll(() => requireDebianPackages("openssh-client", "rsync", "e2fsprogs"));

const CLIENTS = 32;
const DISKS = ["one", "two"] as const;
const BIG_LENGTH = 64 * 2 ** 20;
const TIMEOUT = 600_000;
/** In MiB; Node alone takes about 60. */
const MEMORY_LIMIT = 400;
const FILES_AND_ATTRIBUTES = { attributes: true, symlinks: false, specials: false };
const EVERYTHING = { attributes: true, symlinks: true, specials: true };

/** The same names on every disk, and other contents. */
function fillDisk(root: string): void {
  const tree = path.join(root, "tree");
  mkdirSync(tree);
  makeAwkwardTree(tree);
  const files = path.join(root, "files");
  mkdirSync(files);
  for (let index = 0; index < 200; index++) {
    writeFileSync(path.join(files, `file-${index}`), randomFillSync(Buffer.alloc(index * 97)));
  }
  writeFileSync(path.join(root, "big"), randomFillSync(Buffer.alloc(BIG_LENGTH)));
}

interface Way {
  readonly name: string;
  readonly folder: "tree" | "files";
  readonly compared: typeof EVERYTHING;
  command(configFile: string, folder: string, target: string): readonly [string, readonly string[], string?];
}

const WAYS: readonly Way[] = [
  {
    name: "sftp",
    folder: "tree",
    compared: FILES_AND_ATTRIBUTES,
    command: (configFile, folder, target) => [
      "sftp",
      ["-F", configFile, "-b", "-", "vmfr"],
      `get -pR ${folder} ${target}\n`,
    ],
  },
  {
    name: "rsync",
    folder: "tree",
    compared: EVERYTHING,
    command: (configFile, folder, target) => [
      "rsync",
      ["-e", `ssh -F ${configFile}`, "-aH", `vmfr:${folder}/`, target],
    ],
  },
  {
    name: "scp",
    folder: "files",
    compared: FILES_AND_ATTRIBUTES,
    command: (configFile, folder, target) => ["scp", ["-F", configFile, "-q", "-s", "-pr", `vmfr:${folder}`, target]],
  },
  {
    name: "scp -O",
    folder: "files",
    compared: FILES_AND_ATTRIBUTES,
    command: (configFile, folder, target) => ["scp", ["-F", configFile, "-q", "-O", "-pr", `vmfr:${folder}`, target]],
  },
  {
    name: "rsync -z",
    folder: "files",
    compared: EVERYTHING,
    command: (configFile, folder, target) => [
      "rsync",
      ["-e", `ssh -F ${configFile}`, "-az", `vmfr:${folder}/`, target],
    ],
  },
];

test(
  `${CLIENTS} clients at once on two disks: everything arrives, and the server stays small`,
  async () => {
    const scratch = scratchDirectory();
    const images = await Promise.all(DISKS.map((name) => makeDisk(path.join(scratch, `${name}.img`), 192, fillDisk)));
    const [one = "", two = ""] = images;
    const served = await serveDisks({ one, two });
    const clients = Array.from({ length: CLIENTS }, (_, index) => fetchOne(served, index));
    const targets = await Promise.all(clients);
    for (const [position, image] of images.entries()) {
      await withLoopMount(image, "ro", (root) => {
        const expectedBig = readFileSync(path.join(root, "big"));
        for (const { target, disk, way } of targets.filter((fetched) => fetched.disk === DISKS[position])) {
          const expected = snapshot(path.join(root, way.folder), way.compared);
          expect(snapshot(path.join(target, way.folder), way.compared), `${way.name} from ${disk}`).toEqual(expected);
          tally(`files equal after transfer by ${way.name}, ${CLIENTS} clients at once`, fileCount(expected) + 1);
          expect(readFileSync(path.join(target, "big")).equals(expectedBig), `${way.name} from ${disk}`).toBe(true);
        }
      });
    }
    const peak = peakMemory(served.server.process.pid);
    console.log(`${CLIENTS} clients at once: the server took ${peak.toFixed(0)} MiB at most`);
    expect(peak).toBeLessThan(MEMORY_LIMIT);
  },
  TIMEOUT,
);

interface Fetched {
  readonly target: string;
  readonly disk: string;
  readonly way: Way;
}

/** A folder and the big file, by one kind of client, from one of the disks. */
async function fetchOne({ configFile, directory }: ServedDisks, index: number): Promise<Fetched> {
  const way = WAYS[index % WAYS.length];
  const disk = DISKS[index % DISKS.length];
  if (way === undefined || disk === undefined) throw new Error("no such client");
  const target = path.join(directory, `client-${index}`);
  mkdirSync(target);
  for (const name of [way.folder, "big"]) {
    const [command, args, input] =
      name === "big"
        ? (["scp", ["-F", configFile, "-q", ...(index % 3 === 0 ? ["-O"] : []), `vmfr:/${disk}/big`, target]] as const)
        : way.command(configFile, `/${disk}/${name}`, path.join(target, name));
    const { status, stderr } = await runClient(command, args, input, TIMEOUT);
    expect(status, `${way.name} of ${name} from ${disk}: ${stderr}`).toBe(0);
  }
  return { target, disk, way };
}
