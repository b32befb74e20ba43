/**
 * `npm run bench [-- ROW… [--runs N]]`: from a fresh clone to measurements against other tools. Rows
 * and goals are in docs/performance.md.
 */
import { installDependencies, localBin, root, run } from "./dependencies.mjs";

installDependencies();
const { buildProgram } = await import("./build.mjs");
console.error("Building …");
await buildProgram();
run(localBin("tsx"), ["bench/main.ts", ...process.argv.slice(2)], { cwd: root });
