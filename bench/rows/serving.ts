/** A running server against the servers everybody knows, with the same client and the same cipher. */
import { type Server, startServer } from "../../test/e2e/setup/vmfr.ts";
import { bigPlainFile, GUEST, rawDisk } from "../fixtures/guest-disk.ts";
import { withNginx } from "../peers/nginx.ts";
import type { Measurement } from "../result.ts";
import type { Row, RowOptions } from "../row.ts";
import { quote, shell, takeTurns, time } from "../timing.ts";
import { sshRows } from "./ssh.ts";

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

export const servingRows: readonly Row[] = [
  { name: "https", packages: ["nginx-light", "curl"], measure: https },
  ...sshRows,
];
