import type { Condition } from "kubernetes-types/meta/v1.js";
import { setCondition } from "../../../kube/conditions.ts";

type Phase = "New" | "InProgress" | "Completed" | "PartiallyFailed" | "Failed" | "Deleting";

/** What one phase says in each of the four conditions. */
export interface PhaseConditions {
  readonly progressing: ConditionText;
  readonly available: ConditionText;
  readonly degraded: ConditionText;
  readonly ready: ConditionText;
  /** These two where the phase alone does not tell. */
  readonly isAvailable?: boolean;
  readonly isReady?: boolean;
}

export interface ConditionText {
  readonly reason: string;
  readonly message: string;
}

/** Progressing, Available, Degraded, Ready: the contract documented for both custom resources. */
const CONTRACT: Readonly<Record<Phase, readonly [boolean, boolean, boolean, boolean]>> = {
  New: [false, false, false, false],
  InProgress: [true, false, false, false],
  Completed: [false, true, false, true],
  PartiallyFailed: [false, true, true, true],
  Failed: [false, false, true, false],
  Deleting: [false, false, false, false],
};

/** The Kubernetes API's own bound. */
const LONGEST_MESSAGE = 32_768;

/** The conditions of a phase. Transition times stay as long as the status of a condition does. */
export function conditionsOf(
  before: readonly Condition[] | undefined,
  phase: Phase,
  texts: PhaseConditions,
  observedGeneration: number,
  now: number,
): readonly Condition[] {
  const [progressing, available, degraded, ready] = CONTRACT[phase];
  const set = (
    conditions: readonly Condition[] | undefined,
    type: string,
    holds: boolean,
    { reason, message }: ConditionText,
  ) => {
    const status = holds ? "True" : "False";
    const text = { reason, message: message.slice(0, LONGEST_MESSAGE) };
    return setCondition(conditions, { type, status, ...text, observedGeneration }, now);
  };
  let conditions = set(before, "Progressing", progressing, texts.progressing);
  conditions = set(conditions, "Available", texts.isAvailable ?? available, texts.available);
  conditions = set(conditions, "Degraded", degraded, texts.degraded);
  return set(conditions, "Ready", texts.isReady ?? ready, texts.ready);
}
