/** What processes take at their worst. */
import { spawn } from "node:child_process";
import { startServer } from "../../test/e2e/setup/vmfr.ts";
import { peakMemory } from "../../test/setup/peak-memory.ts";
import { BENCH_VM, MANY_DISKS, manyDisksBucket } from "../fixtures/bucket.ts";
import { type EntriesBelow, MILLION_ENTRIES, millionEntriesDisk } from "../fixtures/million-entries.ts";
import { vmfrArguments } from "../program.ts";
import type { Measurement } from "../result.ts";
import type { Row } from "../row.ts";
import { sftpFlags } from "../sftp-client.ts";
import { quote, shell } from "../timing.ts";

async function memory(): Promise<Measurement[]> {
  const server = await startServer(["--store", await manyDisksBucket(), "--vm", BENCH_VM]);
  try {
    const { url, user, password } = server.https;
    const curl = `curl -sSfk -u ${quote(`${user}:${password}`)} -o /dev/null`;
    const backups = Array.from({ length: MANY_DISKS.backups }, (_, index) => `/backups/nightly-${index}`);
    for (const backup of backups) {
      for (const disk of MANY_DISKS.disks) await shell(`${curl} ${quote(`${url}/api/v1/tree${backup}/${disk}`)}`);
    }
    const disk = "/backups/nightly-0/data";
    const listing = `echo ${quote(`ls -1f ${disk}/${MANY_DISKS.million}`)} | sftp -q -b - ${sftpFlags(server.ssh)} ${server.ssh.user}@127.0.0.1`;
    await Promise.all([
      shell(`${curl} ${quote(`${url}/files${disk}/${MANY_DISKS.bigFile}`)}`),
      shell(`[ $(${listing} | wc -l) -gt 1000000 ]`),
    ]);
    const what = "serving 40 disks, a download, 1,000,000 names";
    return [{ kind: "figure", what, value: peakMemory(server.process.pid), unit: "MiB", atMost: 256 }];
  } finally {
    await server.stop();
  }
}

/** A walk of one huge directory, and one of many small ones. */
async function walkMemory(): Promise<Measurement[]> {
  const image = await millionEntriesDisk();
  const { huge, many } = MILLION_ENTRIES;
  return [...(await memoryOfWalk(image, huge)), ...(await memoryOfWalk(image, many))];
}

/** Memory while a walk goes on: the most by a tenth of it, and the most until its end. */
async function memoryOfWalk(image: string, { path, entries, what }: EntriesBelow): Promise<Measurement[]> {
  const [program, ...args] = vmfrArguments("ls", "--disk", `disk=${image}`, "-l", "-R", `/disk/${path}`);
  const walk = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => walk.once("exit", resolve));
  let lines = 0;
  let early: number | undefined;
  let most = 0;
  for await (const chunk of walk.stdout as AsyncIterable<Buffer>) {
    for (const byte of chunk) if (byte === 0x0a) lines++;
    if (walk.exitCode === null) most = peakMemory(walk.pid) || most;
    if (lines >= entries / 10) early ??= most;
  }
  if ((await ended) !== 0 || lines < entries) throw new Error(`the walk ended after ${lines} entries`);
  return [
    { kind: "figure", what: `walk of ${what}: most memory`, value: most, unit: "MiB", atMost: 256 },
    { kind: "figure", what: "by that after a tenth of it", value: most / (early ?? 0), unit: "×", atMost: 1.5 },
  ];
}

export const memoryRows: readonly Row[] = [
  { name: "memory", packages: ["e2fsprogs", "curl", "openssh-client"], measure: memory },
  { name: "memory-walk", packages: ["e2fsprogs"], measure: walkMemory },
];
