#!/usr/bin/env node
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { processContext } from "../cli/process-context.ts";
import { runProgram } from "../cli/program.ts";

/** Beside the bundle once built; in dist/ when this file runs from the sources. */
const webRoots = ["./web", "../../dist/web"].map((path) => fileURLToPath(new URL(path, import.meta.url)));

// The AWS SDK would tell everybody with an older Node, on stderr, that it will want a newer one some day.
process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";

const webRoot = webRoots.find((path) => existsSync(path));
process.exitCode = await runProgram(process.argv.slice(2), processContext("vmfr", webRoot));
