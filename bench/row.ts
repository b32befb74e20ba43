import type { Measurement } from "./result.ts";

export interface RowOptions {
  /** Runs of each side; the median counts. */
  readonly runs: number;
}

/** One line, or a few that belong together, of the table of goals. */
export interface Row {
  readonly name: string;
  /** Debian packages with the peers; installed when missing, else the row fails by name. */
  readonly packages: readonly string[];
  measure(options: RowOptions): Promise<readonly Measurement[]>;
}
