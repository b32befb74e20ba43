import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The same answers whatever the machine's language and time zone, names as UTF-8; system tools are found. */
const ENVIRONMENT = {
  LC_ALL: "C.UTF-8",
  TZ: "UTC",
  PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`,
};

/**
 * Runs a system tool and returns its standard output; the error carries what it printed.
 * @param environment on top of a fixed one
 */
export async function runTool(
  command: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<string> {
  const { stdout } = await run(command, args, {
    maxBuffer: 256 * 1024 * 1024,
    env: { ...process.env, ...ENVIRONMENT, ...environment },
  });
  return stdout;
}
