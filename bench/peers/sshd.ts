import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { freePort } from "./free-port.ts";
import { untilListening } from "./nginx.ts";

/** What a client needs to reach an SSH server. */
export interface SshTarget {
  readonly port: number;
  readonly user: string;
  readonly privateKeyFile: string;
}

/** OpenSSH's own server on loopback, letting root in with a new key. */
export async function withSshd<Result>(work: (target: SshTarget) => Promise<Result>): Promise<Result> {
  const directory = mkdtempSync(path.join(tmpdir(), "vmfr-bench-"));
  const port = await freePort();
  for (const name of ["host", "user"]) {
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", path.join(directory, name)]);
  }
  // Where sshd confines what has not logged in; Debian makes it in the service's start only.
  mkdirSync("/run/sshd", { recursive: true });
  const configuration = path.join(directory, "sshd_config");
  writeFileSync(configuration, sshdConfiguration(directory, port));
  const sshd = spawn("/usr/sbin/sshd", ["-D", "-e", "-f", configuration], { stdio: "ignore" });
  const ended = new Promise((resolve) => sshd.once("exit", resolve));
  try {
    await untilListening(port);
    return await work({ port, user: "root", privateKeyFile: path.join(directory, "user") });
  } finally {
    sshd.kill("SIGTERM");
    await ended;
    rmSync(directory, { recursive: true });
  }
}

function sshdConfiguration(directory: string, port: number): string {
  return `ListenAddress 127.0.0.1
Port ${port}
HostKey ${directory}/host
AuthorizedKeysFile ${directory}/user.pub
PermitRootLogin yes
StrictModes no
UsePAM no
PidFile ${directory}/pid
Subsystem sftp /usr/lib/openssh/sftp-server
`;
}
