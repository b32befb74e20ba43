/** A running server against the servers everybody knows, with the same client and the same cipher. */
import { mkdtempSync, rmSync } from "node:fs";
import path from "node:path";
import { type Server, startServer } from "../../test/e2e/setup/vmfr.ts";
import { bigPlainFile, GUEST, rawDisk } from "../fixtures/guest-disk.ts";
import { withKernelMount } from "../peers/mounts.ts";
import { withNginx } from "../peers/nginx.ts";
import { type SshTarget, withSshd } from "../peers/sshd.ts";
import type { Measurement } from "../result.ts";
import type { Row, RowOptions } from "../row.ts";
import { sftpFlags } from "../sftp-client.ts";
import { quote, shell, takeTurns, time } from "../timing.ts";

/** Both servers would choose it anyway. */
const TLS = "--tlsv1.3 --tls13-ciphers TLS_AES_256_GCM_SHA384";

async function withServer<Result>(work: (server: Server) => Promise<Result>): Promise<Result> {
  const server = await startServer(["--disk", `disk=${await rawDisk()}`]);
  try {
    return await work(server);
  } finally {
    await server.stop();
  }
}

function https({ runs }: RowOptions): Promise<Measurement[]> {
  return withServer(async ({ https: { url, user, password } }) =>
    withNginx(await bigPlainFile(), async (plainUrl) => {
      const download = (from: string) => () => time(() => shell(`curl -sSfk ${TLS} -o /dev/null ${from}`));
      const file = `${url}/files/disk/${GUEST.bigFile}`;
      const [ours = Number.NaN, theirs = Number.NaN] = await takeTurns(
        Math.max(runs, 5),
        download(`-u ${quote(`${user}:${password}`)} ${quote(file)}`),
        download(quote(plainUrl)),
      );
      const what = `1 GiB over HTTPS (${Math.round(GUEST.bigFileSize / 1000 / ours)} MB/s)`;
      return [{ kind: "comparison", what, ours, theirs, peer: "nginx, plain file", atLeast: 0.8 }];
    }),
  );
}

/** Both from the guest's disk: vmfr reads the image, sftp-server a kernel mount of it. */
async function sftp({ runs }: RowOptions): Promise<Measurement[]> {
  const image = await rawDisk();
  return withServer(({ ssh }) =>
    withSshd((sshd) =>
      withKernelMount(image, async (root) => {
        const [big = Number.NaN, theirBig = Number.NaN, small = Number.NaN, theirSmall = Number.NaN] = await takeTurns(
          runs,
          () => timeDownload(ssh, `/disk/${GUEST.bigFile}`),
          () => timeDownload(sshd, path.join(root, GUEST.bigFile)),
          () => timeDownload(ssh, `/disk/${GUEST.fewerSmallFiles}`),
          () => timeDownload(sshd, path.join(root, GUEST.fewerSmallFiles)),
        );
        const peer = "OpenSSH on a kernel mount";
        const what = `1 GiB over SFTP (${Math.round(GUEST.bigFileSize / 1000 / big)} MB/s)`;
        return [
          { kind: "comparison", what, ours: big, theirs: theirBig, peer, atLeast: 1 },
          {
            kind: "comparison",
            what: "10,000 small files, sftp -r",
            ours: small,
            theirs: theirSmall,
            peer,
            atLeast: 1,
          },
        ];
      }),
    ),
  );
}

/** Into memory, so that the client's disk plays no part. */
async function timeDownload(target: SshTarget, remote: string): Promise<number> {
  const directory = mkdtempSync("/dev/shm/vmfr-bench-");
  try {
    const source = quote(`${target.user}@127.0.0.1:${remote}`);
    return await time(() => shell(`sftp -q -r ${sftpFlags(target)} ${source} ${quote(directory)}`));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export const servingRows: readonly Row[] = [
  { name: "https", packages: ["nginx-light", "curl"], measure: https },
  { name: "sftp", packages: ["openssh-server", "openssh-client", "e2fsprogs"], measure: sftp },
];
