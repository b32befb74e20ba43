/** What the containers of a file-serving pod run; see docs/operator.md. */
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { HOST_KEY_FILE } from "../../operator/file-serving/pod-layout.ts";
import { createCredentials } from "../../serve/credentials.ts";
import { ANY_HOST } from "../../serve/http/host-check.ts";
import { startHttpServer } from "../../serve/http/server.ts";
import { startSshServer } from "../../serve/ssh/server/ssh-server.ts";
import { loadServerCertificate } from "../../serve/tls/server-certificate.ts";
import type { CommandContext } from "../context.ts";
import { type FileServerOptions, openTree, readPlan, runContainer } from "../file-server/container.ts";
import { openDisks } from "../file-server/open-disks.ts";
import { SecretDirectory } from "../file-server/secret-directory.ts";
import { createLogger } from "../logger.ts";
import { USER } from "../serving.ts";
import { VERSION } from "../version.ts";

export type InspectOptions = Pick<FileServerOptions, "plan" | "inventory">;

/**
 * The init container: opens every disk once and writes down what is on it. A disk that cannot be read is part of
 * the answer and no failure, for the others are to be served.
 */
export async function inspect(_context: CommandContext, _args: undefined, options: InspectOptions): Promise<number> {
  const logger = createLogger(true);
  const plan = await readPlan(options.plan);
  const { tree, close } = await openTree(plan, logger, new AbortController().signal);
  try {
    for await (const { backup, disk } of openDisks(tree)) {
      const { name, state, fileSystems, reasons } = disk;
      logger.info(
        { backup, disk: name, state, fileSystems: fileSystems.map(({ type }) => type), reasons },
        "inspected",
      );
    }
    await mkdir(path.dirname(options.inventory), { recursive: true });
    await writeFile(options.inventory, JSON.stringify(await tree.inventory()));
  } finally {
    await close();
  }
  return 0;
}

export interface WebOptions extends FileServerOptions {
  readonly credentials: string;
  readonly certificate: string;
}

export function web(context: CommandContext, _args: undefined, options: WebOptions): Promise<number> {
  return runContainer(context, options, async ({ plan, tree, host, logger }) => {
    const secret = new SecretDirectory(options.credentials);
    const user = (await secret.optional("username"))?.trim() || USER;
    const tls = new SecretDirectory(options.certificate);
    const server = await startHttpServer({
      tree,
      credentials: await createCredentials(user, trimNewline(await secret.required("password"))),
      certificate: loadServerCertificate(await tls.required("tls.crt"), await tls.required("tls.key")),
      host,
      port: Number(options.port),
      // Routes, Ingresses and Services all have names of their own.
      allowedHosts: [ANY_HOST],
      logger,
      version: VERSION,
      ...(plan.expiresAt === undefined ? {} : { expiresAt: new Date(plan.expiresAt) }),
      ...(context.webRoot === undefined ? {} : { webRoot: context.webRoot }),
    });
    logger.info({ port: server.port, user }, "serving HTTPS");
    return server;
  });
}

export interface SshOptions extends FileServerOptions {
  readonly credentials: string;
  readonly hostKey: string;
}

export function ssh(context: CommandContext, _args: undefined, options: SshOptions): Promise<number> {
  return runContainer(context, options, async ({ tree, host, logger }) => {
    const secret = new SecretDirectory(options.credentials);
    const user = (await secret.optional("username"))?.trim() || USER;
    const server = await startSshServer({
      tree,
      user,
      authorizedKeys: await secret.required("authorized_keys"),
      hostKey: await new SecretDirectory(options.hostKey).required(HOST_KEY_FILE),
      host,
      port: Number(options.port),
      logger,
    });
    logger.info({ port: server.port, user, hostKeyFingerprint: server.hostKeyFingerprint }, "serving SSH");
    return server;
  });
}

/** `kubectl create secret --from-file` keeps the newline an editor put at the end. */
function trimNewline(text: string): string {
  return text.replace(/\r?\n$/, "");
}
