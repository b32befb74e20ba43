/**
 * `npm run bench [-- ROW… [--runs N]]`: vmfr against the tools people use today, in the same run.
 * Ratios matter, absolute figures belong to the machine.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { requireDebianPackages } from "../test/setup/debian-packages.ts";
import { describe, isMet, type Measurement } from "./result.ts";
import type { Row, RowOptions } from "./row.ts";
import { bucketRows } from "./rows/bucket.ts";
import { clusterRows } from "./rows/cluster.ts";
import { localRows } from "./rows/local.ts";
import { memoryRows } from "./rows/memory.ts";
import { readerRows } from "./rows/readers.ts";
import { scaleRows } from "./rows/scale.ts";
import { servingRows } from "./rows/serving.ts";

const allRows: readonly Row[] = [
  ...localRows,
  ...readerRows,
  ...servingRows,
  ...bucketRows,
  ...memoryRows,
  ...clusterRows,
  ...scaleRows,
];

interface Outcome {
  readonly row: string;
  readonly measurements: readonly Measurement[];
  readonly failure?: string;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { runs: { type: "string", default: "3" } },
  });
  const rows = positionals.length === 0 ? allRows : positionals.map(rowNamed);
  const options = { runs: Number(values.runs) };
  if (process.getuid?.() !== 0) throw new Error("kernel mounts, the peers of most rows, need root");
  console.log(machine());
  const outcomes: Outcome[] = [];
  for (const row of rows) outcomes.push(await measure(row, options));
  save(outcomes);
  const all = outcomes.flatMap(({ measurements }) => measurements).filter((each) => isMet(each) !== undefined);
  const failed = outcomes.filter(({ failure }) => failure !== undefined).length;
  console.log(`\nbench: ${all.filter(isMet).length} of ${all.length} goals met, ${failed} rows failed`);
  if (failed > 0) process.exitCode = 1;
}

function rowNamed(name: string): Row {
  const row = allRows.find((each) => each.name === name);
  if (row === undefined) throw new Error(`no row ${name}; there are ${allRows.map((each) => each.name).join(", ")}`);
  return row;
}

/** A row that cannot be measured is a failure with a name, and no reason not to measure the others. */
async function measure(row: Row, options: RowOptions): Promise<Outcome> {
  try {
    await requireDebianPackages(...row.packages);
    const measurements = await row.measure(options);
    for (const measurement of measurements) console.log(describe(row.name, measurement));
    return { row: row.name, measurements };
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error);
    console.log(`FAIL  ${row.name.padEnd(15)} ${failure}`);
    return { row: row.name, measurements: [], failure };
  }
}

function machine(): string {
  const [cpu] = os.cpus();
  const load = os.loadavg()[0]?.toFixed(1);
  return `${os.cpus().length} × ${cpu?.model ?? "?"}, Linux ${os.release()}, Node ${process.version}, load ${load}`;
}

function save(outcomes: readonly Outcome[]): void {
  const directory = path.join(import.meta.dirname, "results");
  mkdirSync(directory, { recursive: true });
  const report = { machine: machine(), date: new Date().toISOString(), outcomes };
  const file = path.join(directory, `${report.date.replaceAll(":", "-")}.json`);
  writeFileSync(file, `${JSON.stringify(report, undefined, 2)}\n`);
}

await main();
