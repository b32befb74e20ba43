import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { onTestFinished } from "vitest";
import { withLoopMount } from "../../setup/loop-mount.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { clientConfig } from "../../setup/ssh-client.ts";
import { type Server, startServer } from "../setup/vmfr.ts";

/** Makes an ext4 image of `mebibytes`, sparse as far as `fill` leaves it so. */
export async function makeDisk(file: string, mebibytes: number, fill: (root: string) => void): Promise<string> {
  writeFileSync(file, "");
  truncateSync(file, mebibytes * 2 ** 20);
  execFileSync("mkfs.ext4", ["-q", "-F", "-E", "lazy_itable_init=1,lazy_journal_init=1", file]);
  // Else the kernel goes on writing inode tables of zeros in the background.
  await withLoopMount(file, "noinit_itable", (root) => {
    execFileSync("rmdir", [path.join(root, "lost+found")]);
    fill(root);
  });
  return file;
}

export interface ServedDisks {
  readonly server: Server;
  /** Holds the configuration; a place for downloads too. */
  readonly directory: string;
  /** For `-F` of OpenSSH's clients: host `vmfr` is the server. */
  readonly configFile: string;
  /** The same server reached by another port. */
  configFor(port: number): string;
}

/** The built program serving image files, each as a disk of the name given; ends with the running test. */
export async function serveDisks(disks: Readonly<Record<string, string>>): Promise<ServedDisks> {
  const directory = scratchDirectory();
  const server = await startServer(Object.entries(disks).flatMap(([name, file]) => ["--disk", `${name}=${file}`]));
  onTestFinished(async () => {
    await server.stop();
  });
  const keyFile = path.join(directory, "id");
  copyFileSync(server.ssh.privateKeyFile, keyFile);
  chmodSync(keyFile, 0o600);
  const configFor = (port: number) => {
    const folder = path.join(directory, `port-${port}`);
    mkdirSync(folder);
    const knownHostsFile = path.join(folder, "known_hosts");
    const [, ...key] = server.ssh.knownHostsLine.split(" ");
    writeFileSync(knownHostsFile, `[127.0.0.1]:${port} ${key.join(" ")}\n`);
    const configFile = path.join(folder, "config");
    writeFileSync(configFile, clientConfig({ port, user: server.ssh.user, keyFile, knownHostsFile }));
    return configFile;
  };
  return { server, directory, configFile: configFor(server.ssh.port), configFor };
}
