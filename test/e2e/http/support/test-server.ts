import { writeFileSync } from "node:fs";
import path from "node:path";
import { onTestFinished } from "vitest";
import { createRestoreTree } from "../../../../src/restore-tree/restore-tree.ts";
import { createCredentials } from "../../../../src/serve/credentials.ts";
import { type HttpServerOptions, type RunningHttpServer, startHttpServer } from "../../../../src/serve/http/server.ts";
import type { LogFields } from "../../../../src/serve/log.ts";
import { createSessionCertificate } from "../../../../src/serve/tls/session-certificate.ts";
import { memoryDisk, memoryTreeDisk } from "../../../setup/memory-disk.ts";
import { scratchDirectory } from "../../../setup/scratch-directory.ts";
import { FaultyFileSystem } from "./faulty-file-system.ts";

export const USER = "oadp";
export const PASSWORD = "correct horse: battery";

export interface LogLine extends LogFields {
  readonly level: "info" | "warn" | "error";
  readonly message: string;
}

export interface TestServer extends RunningHttpServer {
  /** The file system of the disk `web` in the backup `nightly-1`: `/backups/nightly-1/web/…`. */
  readonly files: FaultyFileSystem;
  readonly caFile: string;
  readonly publicKeySha256: string;
  readonly log: readonly LogLine[];
  /** Removed with the test; clients may write here. */
  readonly scratch: string;
}

/** Where `files` is in the tree. */
export const DISK = "/backups/nightly-1/web";

/** A real server on a free loopback port, ended with the test. */
export async function startTestServer(options: Partial<HttpServerOptions> = {}): Promise<TestServer> {
  const scratch = scratchDirectory();
  const files = new FaultyFileSystem();
  const tree = createRestoreTree({
    layout: "backups",
    backups: [
      {
        name: "nightly-1",
        vm: { namespace: "shop", name: "web" },
        completedAt: new Date("2026-11-17T03:00:00Z"),
        disks: [memoryTreeDisk("web", memoryDisk(files))],
      },
    ],
  });
  const certificate = await createSessionCertificate();
  const log: LogLine[] = [];
  const record = (level: LogLine["level"]) => (fields: LogFields, message: string) =>
    log.push({ ...fields, level, message });
  const server = await startHttpServer({
    tree,
    credentials: await createCredentials(USER, PASSWORD),
    certificate,
    host: "127.0.0.1",
    port: 0,
    logger: { info: record("info"), warn: record("warn"), error: record("error") },
    version: "0.0.0-test",
    ...options,
    limits: { shutdownGraceMs: 100, ...options.limits },
  });
  onTestFinished(async () => {
    await server.close();
    await tree.close();
  });
  const caFile = path.join(scratch, "ca.pem");
  writeFileSync(caFile, certificate.authority ?? "");
  return { ...server, files, caFile, publicKeySha256: certificate.publicKeySha256, log, scratch };
}
