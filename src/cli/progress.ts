import type { CommandContext } from "./context.ts";
import { formatBytes, formatDuration } from "./human.ts";

const REFRESH_MS = 100;

export interface ProgressOptions {
  readonly unit: "bytes" | "items";
  /** Absent when the end is not known beforehand. */
  readonly total?: number;
}

/** One line on stderr that is redrawn in place, on a terminal only; in a pipe it stays silent. */
export class Progress {
  readonly #output: CommandContext["stderr"];
  readonly #label: string;
  readonly #options: ProgressOptions;
  readonly #started = performance.now();
  #drawn = 0;
  #done = 0;

  constructor(context: CommandContext, label: string, options: ProgressOptions) {
    this.#output = context.stderr;
    this.#label = label;
    this.#options = options;
  }

  add(amount: number): void {
    this.set(this.#done + amount);
  }

  set(done: number): void {
    this.#done = done;
    const now = performance.now();
    if (this.#output.isTTY !== true || now - this.#drawn < REFRESH_MS) return;
    this.#drawn = now;
    this.#output.write(`\r\x1b[2K${this.#line((now - this.#started) / 1000)}`);
  }

  /** Wipes the line, so that what follows starts clean. */
  end(): void {
    if (this.#output.isTTY === true && this.#drawn > 0) this.#output.write("\r\x1b[2K");
  }

  #line(seconds: number): string {
    const { total, unit } = this.#options;
    const format = (value: number): string => (unit === "bytes" ? formatBytes(value) : String(Math.round(value)));
    const rate = seconds > 0 ? this.#done / seconds : 0;
    const parts = [total === undefined ? format(this.#done) : `${format(this.#done)} of ${format(total)}`];
    if (total !== undefined && total > 0) parts.push(`${Math.floor((100 * this.#done) / total)} %`);
    if (seconds > 0.5) parts.push(`${format(rate)}/s`);
    if (total !== undefined && rate > 0) parts.push(`${formatDuration((total - this.#done) / rate)} left`);
    const line = `${this.#label}  ${parts.join("  ")}`;
    return line.slice(0, Math.max(20, (this.#output.columns ?? 80) - 1));
  }
}
