import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const root = path.resolve(import.meta.dirname, "../../..");
const program = path.join(root, "dist/vmfr.mjs");

export const exampleBucket = path.join(root, "examples/bucket");
/** SOURCE of the example's machine. */
export const example = ["--store", exampleBucket, "--vm", "demo/web-1"] as const;

/** The Node that the whole run is on; `npm test` runs everything on two. */
const node = process.env["VMFR_TEST_NODE"] ?? process.execPath;

function builtProgram(): string {
  if (!existsSync(program))
    throw new Error("dist/vmfr.mjs is missing: these tests run the built program, so run `npm run build` first");
  return program;
}

export interface Finished {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Program and arguments of any command, for tests that talk to the running process. */
export function programCommand(args: readonly string[]): readonly [string, string[]] {
  return [node, [builtProgram(), ...args]];
}

/** Program and arguments of `vmfr serve`, for tests that read what it prints for people. */
export function serveCommand(args: readonly string[]): readonly [string, string[]] {
  return programCommand(["serve", ...args]);
}

/** Runs the built program to its end. */
export async function vmfr(args: readonly string[], environment: Record<string, string> = {}): Promise<Finished> {
  const options = {
    encoding: "buffer",
    maxBuffer: 512 * 1024 * 1024,
    env: { ...process.env, ...environment },
  } as const;
  try {
    const { stdout, stderr } = await promisify(execFile)(node, [builtProgram(), ...args], options);
    return { code: 0, stdout, stderr: stderr.toString() };
  } catch (error) {
    const failed = error as { code?: unknown; stdout?: Buffer; stderr?: Buffer };
    if (typeof failed.code !== "number") throw error;
    return { code: failed.code, stdout: failed.stdout ?? Buffer.alloc(0), stderr: String(failed.stderr ?? "") };
  }
}

/** What `serve --json` prints when it is ready. */
export interface Ready {
  readonly https: { readonly url: string; readonly user: string; readonly password: string; readonly caFile: string };
  readonly ssh: {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly privateKeyFile: string;
    readonly knownHostsLine: string;
  };
  readonly expiresAt: string;
}

export interface Server extends Ready {
  readonly process: ChildProcess;
  /** Asks it to end and gives its exit code. */
  stop(): Promise<number | null>;
}

/** `vmfr serve` on free ports, ready to be used. */
export async function startServer(args: readonly string[], environment: Record<string, string> = {}): Promise<Server> {
  const [command, all] = serveCommand(["--json", "--https-port", "0", "--ssh-port", "0", ...args]);
  const child = spawn(command, all, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...environment },
  });
  let complaints = "";
  child.stderr.on("data", (text: Buffer) => {
    complaints += text;
  });
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const firstLine = new Promise<string>((resolve) => createInterface(child.stdout).once("line", resolve));
  const line = await Promise.race([
    firstLine,
    exited.then((code) => Promise.reject(new Error(`vmfr serve ended with ${code}: ${complaints}`))),
  ]);
  return {
    ...(JSON.parse(line) as Ready),
    process: child,
    stop: () => {
      child.kill("SIGTERM");
      return exited;
    },
  };
}
