import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** What a client needs to log in to a server on this machine. */
export interface SshLogin {
  readonly port: number;
  readonly user: string;
  readonly keyFile: string;
  readonly knownHostsFile: string;
}

/** For `-F` of OpenSSH's clients: host `vmfr` is the server. */
export function clientConfig({ port, user, keyFile, knownHostsFile }: SshLogin): string {
  return `Host vmfr
  HostName 127.0.0.1
  Port ${port}
  User ${user}
  IdentityFile ${keyFile}
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile ${knownHostsFile}
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  BatchMode yes
`;
}

export interface Outcome {
  readonly status: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

const run = promisify(execFile);
const TWO_MINUTES = 120_000;

/** Runs a client to its end, by force after a time; a failure is an outcome too. */
export async function runClient(
  command: string,
  args: readonly string[],
  input: string | Uint8Array = "",
  timeout = TWO_MINUTES,
): Promise<Outcome> {
  const running = run(command, [...args], { encoding: "buffer", maxBuffer: 1 << 28, timeout });
  running.child.stdin?.on("error", () => undefined);
  running.child.stdin?.end(input);
  try {
    const { stdout, stderr } = await running;
    return { status: 0, stdout, stderr: stderr.toString() };
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: number; stdout: Buffer; stderr: Buffer };
    return { status: typeof code === "number" ? code : -1, stdout, stderr: stderr.toString() };
  }
}
