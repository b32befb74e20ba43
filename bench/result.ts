/** What a row measured, and whether that is good enough. */

/** vmfr's speed against another tool's in the same run. */
export interface Comparison {
  readonly kind: "comparison";
  readonly what: string;
  /** Medians, in milliseconds. */
  readonly ours: number;
  readonly theirs: number;
  readonly peer: string;
  /** Goal for `theirs / ours`: how many times as fast as the peer vmfr is. Absent where the figure is for information. */
  readonly atLeast?: number;
}

/** A figure with a limit of its own. */
export interface Figure {
  readonly kind: "figure";
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly atMost: number;
}

export type Measurement = Comparison | Figure;

/** Undefined where there is no goal. */
export function isMet(measurement: Measurement): boolean | undefined {
  if (measurement.kind === "figure") return measurement.value <= measurement.atMost;
  return measurement.atLeast === undefined ? undefined : speedRatio(measurement) >= measurement.atLeast;
}

export function speedRatio({ ours, theirs }: Comparison): number {
  return theirs / ours;
}

/** One line: verdict, row, what, the figure that counts, its goal, and what it was made from. */
export function describe(row: string, measurement: Measurement): string {
  const met = isMet(measurement);
  const verdict = met === undefined ? "info" : met ? "PASS" : "MISS";
  const [figure, goal, made] = columns(measurement);
  return `${verdict}  ${row.padEnd(15)} ${measurement.what.padEnd(44)} ${figure.padEnd(34)} ${goal.padEnd(14)} ${made}`.trimEnd();
}

function columns(measurement: Measurement): [figure: string, goal: string, made: string] {
  if (measurement.kind === "figure") {
    const { value, unit, atMost } = measurement;
    return [`${significant(value)} ${unit}`, `goal ≤ ${significant(atMost)}`, ""];
  }
  const { ours, theirs, peer, atLeast } = measurement;
  const goal = atLeast === undefined ? "" : `goal ≥ ${significant(atLeast)}×`;
  return [`${significant(speedRatio(measurement))}× ${peer}`, goal, `${milliseconds(ours)} : ${milliseconds(theirs)}`];
}

function milliseconds(value: number): string {
  return value >= 10_000 ? `${significant(value / 1000)} s` : `${significant(value)} ms`;
}

/** Three digits, but whole numbers whole. */
function significant(value: number): string {
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}
