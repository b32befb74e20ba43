/** `npm start`: from a fresh clone to the example bucket in the browser. Arguments go to `vmfr serve`. */
import { spawn } from "node:child_process";
import path from "node:path";
import { installDependencies, root } from "./dependencies.mjs";

installDependencies();
const { buildProgram, buildWeb } = await import("./build.mjs");
console.error("Building …");
await buildProgram();
buildWeb();

const bucket = path.join(root, "examples", "bucket");
const server = spawn(
  process.execPath,
  [path.join(root, "dist/vmfr.mjs"), "serve", "--store", bucket, "--vm", "demo/web-1", ...process.argv.slice(2)],
  { stdio: "inherit" },
);
// A terminal's Ctrl+C reaches the server by itself; a signal sent to this process alone is passed on.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => signal === "SIGTERM" && server.kill(signal));
server.on("exit", (code, signal) => process.exit(code ?? (signal === null ? 1 : 128)));
