/** vmfr's SSH server against OpenSSH's on a kernel mount of the same image, with the same client and cipher. */
import { mkdtempSync, rmSync } from "node:fs";
import path from "node:path";
import { startServer } from "../../test/e2e/setup/vmfr.ts";
import { GUEST, rawDisk } from "../fixtures/guest-disk.ts";
import { withKernelMount } from "../peers/mounts.ts";
import { type SshTarget, withSshd } from "../peers/sshd.ts";
import type { Measurement } from "../result.ts";
import type { Row, RowOptions } from "../row.ts";
import { remoteShell, sftpFlags } from "../sftp-client.ts";
import { quote, shell, takeTurns, time } from "../timing.ts";

const PEER = "OpenSSH on a kernel mount";

/** The shell's command that fetches `source` into `directory`. */
type Download = (target: SshTarget, source: string, directory: string) => string;

const clients = {
  sftp: (target, source, directory) => `sftp -q -r ${sftpFlags(target)} ${source} ${directory}`,
  scp: (target, source, directory) => `scp -q -r ${sftpFlags(target)} ${source} ${directory}`,
  "scp -O": (target, source, directory) => `scp -O -q -r ${sftpFlags(target)} ${source} ${directory}`,
  rsync: (target, source, directory) => `rsync -a -e ${quote(remoteShell(target))} ${source} ${directory}`,
} satisfies Record<string, Download>;

/** One big file and 10,000 small ones by one client, from both servers. */
async function measure(
  client: keyof typeof clients,
  atLeast: number,
  { runs }: RowOptions,
): Promise<readonly Measurement[]> {
  const image = await rawDisk();
  const download = clients[client];
  const server = await startServer(["--disk", `disk=${image}`]);
  try {
    return await withSshd((sshd) =>
      withKernelMount(image, async (root) => {
        const from = (target: SshTarget, folder: string, file: string) => () =>
          timeDownload(download, target, path.join(folder, file));
        const [big = Number.NaN, theirBig = Number.NaN, small = Number.NaN, theirSmall = Number.NaN] = await takeTurns(
          runs,
          from(server.ssh, "/disk", GUEST.bigFile),
          from(sshd, root, GUEST.bigFile),
          from(server.ssh, "/disk", GUEST.fewerSmallFiles),
          from(sshd, root, GUEST.fewerSmallFiles),
        );
        const rate = Math.round(GUEST.bigFileSize / 1000 / big);
        const goal = { kind: "comparison", peer: PEER, atLeast } as const;
        return [
          { ...goal, what: `1 GiB, ${client} (${rate} MB/s)`, ours: big, theirs: theirBig },
          { ...goal, what: `10,000 small files, ${client} -r`, ours: small, theirs: theirSmall },
        ];
      }),
    );
  } finally {
    await server.stop();
  }
}

/** Into memory, so that the client's disk plays no part. */
async function timeDownload(download: Download, target: SshTarget, remote: string): Promise<number> {
  const directory = mkdtempSync("/dev/shm/vmfr-bench-");
  try {
    const source = quote(`${target.user}@127.0.0.1:${remote}`);
    return await time(() => shell(download(target, source, quote(directory))));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const packages = ["openssh-server", "openssh-client", "e2fsprogs"];

export const sshRows: readonly Row[] = [
  { name: "sftp", packages, measure: (options) => measure("sftp", 1, options) },
  {
    name: "scp",
    packages,
    measure: async (options) => [...(await measure("scp", 1, options)), ...(await measure("scp -O", 1, options))],
  },
  { name: "rsync", packages: [...packages, "rsync"], measure: (options) => measure("rsync", 0.8, options) },
];
