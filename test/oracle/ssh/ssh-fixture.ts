import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { onTestFinished } from "vitest";
import type { FileSystem } from "../../../src/disk/filesystem/file-system.ts";
import { createRestoreTree } from "../../../src/restore-tree/restore-tree.ts";
import { generateHostKey, generateUserKey } from "../../../src/serve/ssh/server/ssh-keys.ts";
import { type SshServer, type SshServerOptions, startSshServer } from "../../../src/serve/ssh/server/ssh-server.ts";
import { memoryDisk, memoryTreeDisk } from "../../setup/memory-disk.ts";
import { clientConfig } from "../../setup/ssh-client.ts";

export interface LogLine {
  readonly level: "info" | "warn" | "error";
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** A running server over the tree `/web/…`, and what OpenSSH's clients need to reach it. */
export interface SshFixture {
  readonly server: SshServer;
  readonly port: number;
  /** Holds the keys and the configuration; a place for downloads too. */
  readonly directory: string;
  readonly keyFile: string;
  readonly knownHostsFile: string;
  /** For `-F`: host `vmfr` is the server. */
  readonly configFile: string;
  readonly log: readonly LogLine[];
}

const USER = "restore";

/** Ends with the running test. */
export async function startSshFixture(
  fileSystem: FileSystem,
  options: Partial<SshServerOptions> = {},
): Promise<SshFixture> {
  const directory = mkdtempSync(path.join(tmpdir(), "vmfr-ssh-"));
  const userKey = generateUserKey("a test");
  const log: LogLine[] = [];
  const write = (level: LogLine["level"]) => (fields: LogLine["fields"], message: string) => {
    log.push({ level, fields, message });
  };
  const tree = createRestoreTree({
    layout: "disks",
    backups: [
      { name: "local", vm: { namespace: "", name: "vm" }, disks: [memoryTreeDisk("web", memoryDisk(fileSystem))] },
    ],
  });
  const server = await startSshServer({
    tree,
    user: USER,
    authorizedKeys: userKey.publicKey,
    hostKey: generateHostKey().privateKey,
    host: "127.0.0.1",
    port: 0,
    logger: { info: write("info"), warn: write("warn"), error: write("error") },
    ...options,
  });
  onTestFinished(async () => {
    await server.close();
    await tree.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const keyFile = path.join(directory, "id");
  const knownHostsFile = path.join(directory, "known_hosts");
  const configFile = path.join(directory, "config");
  writeFileSync(keyFile, userKey.privateKey);
  chmodSync(keyFile, 0o600);
  writeFileSync(knownHostsFile, `${server.knownHostsLine("127.0.0.1")}\n`);
  writeFileSync(configFile, clientConfig({ port: server.port, user: USER, keyFile, knownHostsFile }));
  return { server, port: server.port, directory, keyFile, knownHostsFile, configFile, log };
}
