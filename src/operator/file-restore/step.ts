/** What one step of a file restore comes to. */
import { VmfrError } from "../../errors.ts";

/** Not done yet; somebody else has to act, or time to pass. */
export interface Waiting {
  readonly kind: "waiting";
  /** For conditions: one word. */
  readonly reason: string;
  /** For people. */
  readonly message: string;
  /** Look again then, besides when something changes. */
  readonly requeueAfterMs?: number;
}

export function waiting(reason: string, message: string, requeueAfterMs?: number): Waiting {
  return { kind: "waiting", reason, message, ...(requeueAfterMs !== undefined && { requeueAfterMs }) };
}

/** The restore cannot go on as asked, until the user or the cluster changes something. */
export class StepFailure extends VmfrError {
  readonly kind = "config";
  /** For conditions: one word. */
  readonly reason: string;
  /** Look again then: somebody may have mended it. */
  readonly requeueAfterMs: number | undefined;

  constructor(reason: string, message: string, options: ErrorOptions & { readonly requeueAfterMs?: number } = {}) {
    super(message, options);
    this.reason = reason;
    this.requeueAfterMs = options.requeueAfterMs;
  }
}
