import type { CommandContext } from "./context.ts";
import { standardOutput } from "./standard-output.ts";

/**
 * The process itself as a command's surroundings.
 * @param program for messages
 * @param webRoot folder of the built web app, when there is one
 */
export function processContext(program: string, webRoot?: string): CommandContext {
  const stdout = standardOutput();
  // `vmfr ls | head` ends early on purpose.
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    process.stderr.write(`${program}: standard output: ${error.message}\n`);
    process.exit(1);
  });
  return {
    environment: process.env,
    // Touching it costs something, and hardly any command asks.
    get stdin() {
      return process.stdin;
    },
    stdout,
    stderr: process.stderr,
    webRoot,
    untilAskedToEnd: () =>
      new Promise((resolve) => {
        for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
      }),
  };
}
