import { describeError } from "../errors.ts";
import type { CommandContext } from "./context.ts";
import { exitCodeOf, PARTIAL } from "./exit-code.ts";

/** Collects what went wrong with single arguments or entries while the rest goes on. */
export class Report {
  readonly #context: CommandContext;
  readonly #codes: number[] = [];
  #successes = 0;

  constructor(context: CommandContext) {
    this.#context = context;
  }

  succeed(): void {
    this.#successes++;
  }

  fail(error: unknown): void {
    this.#context.stderr.write(`vmfr: ${describeError(error)}\n`);
    this.#codes.push(exitCodeOf(error));
  }

  /** Something was asked for and is not there, for a reason that is not an error of its own. */
  note(sentence: string): void {
    this.#context.stderr.write(`vmfr: ${sentence}\n`);
    this.#codes.push(PARTIAL);
  }

  /** 0 when all went well, the failure's own code when nothing did, PARTIAL in between. */
  get exitCode(): number {
    const [first] = this.#codes;
    if (first === undefined) return 0;
    return this.#successes === 0 && new Set(this.#codes).size === 1 ? first : PARTIAL;
  }
}

/** Runs `work` for each item; a failure is reported and the others still run. */
export async function forEachReported<Item>(
  context: CommandContext,
  items: readonly Item[],
  work: (item: Item, report: Report) => Promise<void>,
): Promise<number> {
  const report = new Report(context);
  for (const item of items) {
    try {
      await work(item, report);
      report.succeed();
    } catch (error) {
      report.fail(error);
    }
  }
  return report.exitCode;
}
