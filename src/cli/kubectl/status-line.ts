import type { Condition } from "kubernetes-types/meta/v1.js";
import type { CommandContext } from "../context.ts";
import { printable } from "./printable.ts";

/** What an object says it is doing, on stderr: redrawn in place on a terminal, a line for each change elsewhere. */
export class StatusLine {
  readonly #output: CommandContext["stderr"];
  #last = "";

  constructor({ stderr }: CommandContext) {
    this.#output = stderr;
  }

  show(text: string): void {
    const line = printable(text);
    if (line === this.#last) return;
    this.#last = line;
    const width = (this.#output.columns ?? 80) - 1;
    this.#output.write(this.#output.isTTY === true ? `\r\x1b[2K${line.slice(0, width)}` : `${line}\n`);
  }

  /** Wipes the line, so that what follows starts clean. */
  end(): void {
    if (this.#output.isTTY === true && this.#last !== "") this.#output.write("\r\x1b[2K");
    this.#last = "";
  }
}

interface Reporting {
  readonly phase?: string | undefined;
  readonly conditions?: readonly Condition[] | undefined;
}

/** The message that belongs to the phase. */
export function messageOf({ phase, conditions = [] }: Reporting = {}): string {
  const aspect = phase === "InProgress" || phase === "New" ? "Progressing" : "Ready";
  return conditions.find(({ type }) => type === aspect)?.message ?? "";
}
