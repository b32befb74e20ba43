import { CorruptDataError } from "../../../../errors.ts";

/** The log is damaged where the kernel, too, would refuse to recover it. */
export class JournalDamage extends CorruptDataError {
  constructor(sequence: number, problem: string) {
    super({ format: "jbd2", structure: `transaction ${sequence}` }, problem);
    this.sequence = sequence;
    this.problem = problem;
  }

  /** Sequence number of the transaction. */
  readonly sequence: number;
  readonly problem: string;
}
