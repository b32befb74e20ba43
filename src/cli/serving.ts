import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { ConfigError } from "../errors.ts";
import type { RestoreTree } from "../restore-tree/tree-node.ts";
import { createCredentials, generatePassword } from "../serve/credentials.ts";
import { startHttpServer } from "../serve/http/server.ts";
import type { Logger } from "../serve/log.ts";
import { generateHostKey, generateUserKey } from "../serve/ssh/server/ssh-keys.ts";
import { startSshServer } from "../serve/ssh/server/ssh-server.ts";
import { createSessionCertificate } from "../serve/tls/session-certificate.ts";
import { VERSION } from "./version.ts";

/** The user name that the cluster's restores have too. */
export const USER = "oadp";

/** Where the servers usually are; a port that is taken gives way to any free one unless it was asked for. */
const USUAL_PORTS = { https: 8443, ssh: 2222 };

export interface ServingOptions {
  readonly tree: RestoreTree;
  readonly host: string;
  /** Undefined: the usual one, or any free one. */
  readonly httpsPort: number | undefined;
  readonly sshPort: number | undefined;
  readonly webRoot: string | undefined;
  readonly expiresAt: Date;
  readonly logger: Logger;
}

/** Both servers, running, and all that somebody needs to use them. */
export interface Serving {
  readonly https: { readonly url: string; readonly user: string; readonly password: string; readonly caFile: string };
  readonly ssh: {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly privateKeyFile: string;
    readonly knownHostsFile: string;
    readonly knownHostsLine: string;
    readonly hostKeyFingerprint: string;
  };
  readonly expiresAt: Date;
  /** Stops both and removes the files with the keys. */
  close(): Promise<void>;
}

/** Starts HTTPS and SSH on one tree with fresh secrets, which live in a private folder as long as the servers do. */
export async function startServing(options: ServingOptions): Promise<Serving> {
  const { tree, host, expiresAt, logger } = options;
  const directory = await mkdtemp(path.join(tmpdir(), "vmfr-"));
  const closers: (() => Promise<unknown>)[] = [() => rm(directory, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const password = generatePassword();
    const [certificate, hostKey, userKey, credentials] = await Promise.all([
      createSessionCertificate({ hosts: [host], expiresAt }),
      generateHostKey(),
      generateUserKey(`${USER}@vmfr`),
      createCredentials(USER, password),
    ]);
    const web = await onPort(options.httpsPort, USUAL_PORTS.https, (port) =>
      startHttpServer({
        tree,
        credentials,
        certificate,
        host,
        port,
        logger,
        expiresAt,
        version: VERSION,
        ...(options.webRoot === undefined ? {} : { webRoot: options.webRoot }),
      }),
    );
    closers.push(() => web.close());
    const ssh = await onPort(options.sshPort, USUAL_PORTS.ssh, (port) =>
      startSshServer({
        tree,
        user: USER,
        host,
        port,
        logger,
        expiresAt,
        authorizedKeys: userKey.publicKey,
        hostKey: hostKey.privateKey,
      }),
    );
    closers.push(() => ssh.close());
    const reachable = new URL(web.url).hostname.replace(/^\[|\]$/g, "");
    const knownHostsLine = ssh.knownHostsLine(reachable);
    const file = async (name: string, content: string): Promise<string> => {
      const location = path.join(directory, name);
      await writeFile(location, content, { mode: 0o600 });
      return location;
    };
    return {
      https: {
        url: web.url,
        user: USER,
        password,
        caFile: await file("ca.pem", certificate.authority ?? certificate.certificateChain),
      },
      ssh: {
        host: reachable,
        port: ssh.port,
        user: USER,
        privateKeyFile: await file("id_ed25519", userKey.privateKey),
        knownHostsFile: await file("known_hosts", `${knownHostsLine}\n`),
        knownHostsLine,
        hostKeyFingerprint: ssh.hostKeyFingerprint,
      },
      expiresAt,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function onPort<Server>(
  asked: number | undefined,
  usual: number,
  start: (port: number) => Promise<Server>,
): Promise<Server> {
  if (asked !== undefined) return start(asked);
  try {
    return await start(usual);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return start(0);
  }
}
