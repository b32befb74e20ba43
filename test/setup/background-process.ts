import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export interface BackgroundCommand {
  /** Names the log file, `<name>.log`. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment; the test's own when absent. */
  readonly environment?: NodeJS.ProcessEnv;
  readonly logDirectory: string;
  readonly workingDirectory?: string;
}

const LOG_TAIL_LINES = 40;

/** A server that runs beside the tests: its output goes to a file, and it dies with the test process at the latest. */
export class BackgroundProcess {
  readonly name: string;
  readonly logFile: string;
  /** Exit code, or the signal's name, once it has ended. */
  readonly ended: Promise<number | string>;
  readonly #child: ChildProcess;
  #outcome: number | string | undefined;

  constructor({ name, command, args, environment, logDirectory, workingDirectory }: BackgroundCommand) {
    this.name = name;
    this.logFile = path.join(logDirectory, `${name}.log`);
    const log = openSync(this.logFile, "a");
    this.#child = spawn("setpriv", ["--pdeathsig", "KILL", command, ...args], {
      stdio: ["ignore", log, log],
      env: environment ?? process.env,
      ...(workingDirectory === undefined ? {} : { cwd: workingDirectory }),
    });
    closeSync(log);
    this.ended = new Promise((resolve) => {
      const end = (outcome: number | string) => {
        this.#outcome = outcome;
        resolve(outcome);
      };
      this.#child.once("error", (error) => end(error.message));
      this.#child.once("exit", (code, signal) => end(code ?? String(signal)));
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Undefined while it runs. */
  get outcome(): number | string | undefined {
    return this.#outcome;
  }

  /** Waits until `isReady` answers true; throws with the end of the log when the process ends or time runs out. */
  async waitUntil(isReady: () => Promise<boolean>, timeoutMs: number): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (this.#outcome === undefined && Date.now() < deadline) {
      if (await isReady()) return;
      await sleep(50);
    }
    const what = this.#outcome === undefined ? `not ready after ${timeoutMs} ms` : `ended: ${this.#outcome}`;
    throw new Error(`${this.name} ${what}; end of ${this.logFile}:\n${this.logTail()}`);
  }

  logTail(): string {
    return readFileSync(this.logFile, "utf8").trimEnd().split("\n").slice(-LOG_TAIL_LINES).join("\n");
  }

  /** Asks it to end, insists after `graceMs`, and returns once it is gone. */
  async stop(graceMs = 10_000): Promise<void> {
    if (this.#outcome !== undefined) return;
    this.#child.kill("SIGTERM");
    const insist = setTimeout(() => this.#child.kill("SIGKILL"), graceMs);
    await this.ended;
    clearTimeout(insist);
  }
}

/** A TCP port of loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}
