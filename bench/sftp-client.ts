import type { SshTarget } from "./peers/sshd.ts";
import { quote } from "./timing.ts";

/** The same for every server that is compared. */
const CIPHER = "aes256-gcm@openssh.com";

/** Options of OpenSSH's client that reach a server on loopback without asking. */
export function sftpFlags({ port, privateKeyFile }: SshTarget): string {
  const options = [
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "IdentitiesOnly=yes",
    "LogLevel=ERROR",
    `IdentityFile=${privateKeyFile}`,
    `Ciphers=${CIPHER}`,
  ];
  return `${options.map((option) => `-o ${quote(option)}`).join(" ")} -P ${port}`;
}
