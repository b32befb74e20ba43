/** What a serving process takes at its worst. */
import { readFileSync } from "node:fs";
import { startServer } from "../../test/e2e/setup/vmfr.ts";
import { BENCH_VM, MANY_DISKS, manyDisksBucket } from "../fixtures/bucket.ts";
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

/** The most a process has had in memory at once, in MiB (VmHWM, proc(5)). */
function peakMemory(pid: number | undefined): number {
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kib) / 1024;
}

export const memoryRow: Row = {
  name: "memory",
  packages: ["e2fsprogs", "curl", "openssh-client"],
  measure: memory,
};
