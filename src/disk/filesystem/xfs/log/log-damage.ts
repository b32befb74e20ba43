import { CorruptDataError } from "../../../../errors.ts";

/** The log is damaged where the kernel, too, would refuse to recover it. */
export class LogDamage extends CorruptDataError {
  readonly problem: string;

  /** @param block basic block of the log, counted from its start */
  constructor(block: number, problem: string) {
    super({ format: "xfs log", structure: `block ${block}` }, problem);
    this.problem = problem;
  }
}
