import { displayName } from "../bytes/byte-name.ts";
import type { TreeBackup } from "../restore-tree/tree-backup.ts";
import { encodePath } from "../serve/http/request-path.ts";
import type { Serving } from "./serving.ts";
import { shellWord } from "./shell-word.ts";

/** What `vmfr serve` says when it is ready: where, as whom, until when, and lines to paste. */
export function greeting(serving: Serving, backups: readonly TreeBackup[], examplePath: Uint8Array): string {
  const { https, ssh, expiresAt } = serving;
  const example = displayName(examplePath);
  const name = example.slice(example.lastIndexOf("/") + 1);
  const lines = [
    "",
    `Serving ${describeBackups(backups)}, read-only, until ${expiresAt
      .toISOString()
      .replace(/:\d+\.\d+Z$/, "Z")
      .replace("T", " ")}.`,
    "",
    `  Browser      ${https.url}/`,
    `  User         ${https.user}`,
    `  Password     ${https.password}`,
    `  SSH host key ${ssh.hostKeyFingerprint}`,
    "",
    `Fetch ${example} in a shell:`,
    "",
    `  curl --cacert ${shellWord(https.caFile)} --user ${shellWord(`${https.user}:${https.password}`)} -o ${shellWord(name)} ${shellWord(`${https.url}/files${encodePath(examplePath)}`)}`,
    "",
    `  ${sftpLine(ssh, example, name)}`,
    "",
    "The browser warns because the certificate was made for this run only. Ctrl+C ends the server and removes the keys.",
    "",
  ];
  return lines.join("\n");
}

function sftpLine(ssh: Serving["ssh"], example: string, name: string): string {
  const options = `-P ${ssh.port} -i ${shellWord(ssh.privateKeyFile)} -o UserKnownHostsFile=${shellWord(ssh.knownHostsFile)}`;
  const host = ssh.host.includes(":") ? `[${ssh.host}]` : ssh.host;
  return `sftp ${options} ${shellWord(`${ssh.user}@${host}:${example}`)} ${shellWord(name)}`;
}

function describeBackups(backups: readonly TreeBackup[]): string {
  const [first] = backups;
  if (first === undefined) return "nothing";
  const disks = backups.reduce((count, backup) => count + backup.disks.length, 0);
  if (first.name === "") return plural(disks, "disk");
  return `${plural(backups.length, "backup")} of ${first.vm.namespace}/${first.vm.name}`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** The one line of `serve --json`. */
export function readyLine({ https, ssh, expiresAt }: Serving): string {
  const { host, port, user, privateKeyFile, knownHostsLine } = ssh;
  return `${JSON.stringify({ https, ssh: { host, port, user, privateKeyFile, knownHostsLine }, expiresAt: expiresAt.toISOString() })}\n`;
}
