import type { SshTarget } from "./peers/sshd.ts";
import { quote } from "./timing.ts";

/** The same for every server that is compared. */
const CIPHER = "aes256-gcm@openssh.com";

/** Options of OpenSSH's clients that reach a server on loopback without asking; the port is not among them. */
function sshOptions({ privateKeyFile }: SshTarget): string {
  const options = [
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "IdentitiesOnly=yes",
    "LogLevel=ERROR",
    `IdentityFile=${privateKeyFile}`,
    `Ciphers=${CIPHER}`,
  ];
  return options.map((option) => `-o ${quote(option)}`).join(" ");
}

/** For sftp and scp. */
export function sftpFlags(target: SshTarget): string {
  return `${sshOptions(target)} -P ${target.port}`;
}

/** For `rsync -e`. */
export function remoteShell(target: SshTarget): string {
  return `ssh ${sshOptions(target)} -p ${target.port}`;
}
