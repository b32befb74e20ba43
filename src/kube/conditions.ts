import type { Condition } from "kubernetes-types/meta/v1.js";
import { timestamp } from "./timestamp.ts";

/** Without the time of its transition, which follows from the condition before. */
export type NewCondition = Omit<Condition, "lastTransitionTime" | "status"> & {
  readonly status: "True" | "False" | "Unknown";
};

/**
 * The conditions with one of them set; those of other types keep their place. The same list comes back when nothing
 * changes, so that the caller can tell.
 *
 * @param now milliseconds since 1970; becomes lastTransitionTime when the status is another one than before
 */
export function setCondition(
  conditions: readonly Condition[] | undefined,
  condition: NewCondition,
  now: number,
): readonly Condition[] {
  const before = findCondition(conditions, condition.type);
  const sameStatus = before?.status === condition.status;
  const next: Condition = {
    ...condition,
    lastTransitionTime: sameStatus ? before.lastTransitionTime : timestamp(now),
  };
  if (before === undefined) return [...(conditions ?? []), next];
  const changed =
    !sameStatus ||
    before.reason !== next.reason ||
    before.message !== next.message ||
    before.observedGeneration !== next.observedGeneration;
  if (!changed) return conditions ?? [];
  return (conditions ?? []).map((other) => (other === before ? next : other));
}

export function findCondition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

export function isConditionTrue(conditions: readonly Condition[] | undefined, type: string): boolean {
  return findCondition(conditions, type)?.status === "True";
}
