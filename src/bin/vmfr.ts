#!/usr/bin/env node
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { runProgram } from "../cli/program.ts";
import { standardOutput } from "../cli/standard-output.ts";

/** Beside the bundle once built; in dist/ when this file runs from the sources. */
const webRoots = ["./web", "../../dist/web"].map((path) => fileURLToPath(new URL(path, import.meta.url)));

// The AWS SDK would tell everybody with an older Node, on stderr, that it will want a newer one some day.
process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";

const stdout = standardOutput();
// `vmfr ls | head` ends early on purpose.
stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  process.stderr.write(`vmfr: standard output: ${error.message}\n`);
  process.exit(1);
});

process.exitCode = await runProgram(process.argv.slice(2), {
  environment: process.env,
  // Touching it costs something, and hardly any command asks.
  get stdin() {
    return process.stdin;
  },
  stdout,
  stderr: process.stderr,
  webRoot: webRoots.find((path) => existsSync(path)),
  untilAskedToEnd: () =>
    new Promise((resolve) => {
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
    }),
});
