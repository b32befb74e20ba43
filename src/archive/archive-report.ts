/**
 * What an archive does not hold although it was asked for. It goes to whoever started the archive at once, and
 * into the archive as its last member, so that nobody takes a partial archive for a whole one.
 */
import { displayName, nameFromText } from "../bytes/byte-name.ts";
import { describeError } from "../errors.ts";

/** Lines kept; beyond it problems are only counted. */
const LINES_KEPT = 10_000;

export type ProblemListener = (path: Uint8Array, error: unknown) => void;

export class ArchiveReport {
  readonly #onProblem: ProblemListener | undefined;
  readonly #lines: string[] = [];
  #count = 0;

  constructor(onProblem?: ProblemListener) {
    this.#onProblem = onProblem;
  }

  get count(): number {
    return this.#count;
  }

  /** An entry is missing from the archive, or is there without something (its attributes, its exact name). */
  add(path: Uint8Array, problem: unknown): void {
    this.#count++;
    const sentence = typeof problem === "string" ? problem : describeError(problem);
    if (this.#lines.length < LINES_KEPT) this.#lines.push(`${displayName(path) || "."}: ${sentence}`);
    this.#onProblem?.(path, problem);
  }

  /** UTF-8 text, one line a problem. */
  text(): Uint8Array {
    const unlisted = this.#count - this.#lines.length;
    return nameFromText(
      [
        "This archive does not hold everything that was asked for:",
        "",
        ...this.#lines,
        ...(unlisted > 0 ? [`and ${unlisted} more`] : []),
        "",
      ].join("\n"),
    );
  }
}

const STEM = "VMFR-ERRORS";

/** Finds a name for the report that no entry of the archive has. */
export class ReportName {
  readonly #taken = new Set<string>();

  /** To be told of every entry. */
  see(path: Uint8Array): void {
    // Only names that begin like the report's are worth remembering.
    if (path[0] !== STEM.charCodeAt(0) || path.length > STEM.length + 16) return;
    const text = Buffer.from(path).toString("latin1");
    if (text.startsWith(STEM)) this.#taken.add(text);
  }

  choose(): string {
    let name = `${STEM}.txt`;
    for (let attempt = 2; this.#taken.has(name); attempt++) name = `${STEM}~${attempt}.txt`;
    return name;
  }
}
