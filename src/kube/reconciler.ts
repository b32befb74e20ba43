import { VmfrError } from "../errors.ts";
import type { ObjectKey } from "./resource-type.ts";

export interface ReconcileResult {
  /** Look again after so many milliseconds, whatever happens until then. */
  readonly requeueAfterMs?: number;
}

/** Brings the world closer to what one object says. Gets a name, not an event: it reads what is there now. */
export interface Reconciler {
  /** Once the signal is aborted, it should end soon; what it throws then does not count. */
  reconcile(key: ObjectKey, signal: AbortSignal): Promise<ReconcileResult | undefined>;
}

/** Trying again will not help until somebody changes the object. */
export class TerminalReconcileError extends VmfrError {
  readonly kind = "config";
}
