import { expect, test } from "vitest";
import { findCondition, isConditionTrue, setCondition } from "./conditions.ts";
import { microTimestamp, timestamp } from "./timestamp.ts";

const start = Date.UTC(2026, 10, 23, 21, 30, 0, 123);
const ready = {
  type: "Ready",
  status: "False",
  reason: "Waiting",
  message: "for disks",
  observedGeneration: 1,
} as const;
const first = setCondition(undefined, ready, start);

test("the time is that of the last change of status", () => {
  expect(first).toEqual([{ ...ready, lastTransitionTime: "2026-11-23T21:30:00Z" }]);
  const other = setCondition(first, { ...ready, reason: "Failing", observedGeneration: 2 }, start + 60_000);
  expect(other[0]).toMatchObject({
    reason: "Failing",
    observedGeneration: 2,
    lastTransitionTime: "2026-11-23T21:30:00Z",
  });
  const done = setCondition(other, { ...ready, status: "True" }, start + 60_000);
  expect(done[0]?.lastTransitionTime).toBe("2026-11-23T21:31:00Z");
  expect([isConditionTrue(first, "Ready"), isConditionTrue(done, "Ready")]).toEqual([false, true]);
});

test("no change gives the same list; another type is added behind", () => {
  expect(setCondition(first, ready, start + 60_000)).toBe(first);
  const two = setCondition(first, { ...ready, type: "Available" }, start);
  expect(two.map(({ type }) => type)).toEqual(["Ready", "Available"]);
  expect(findCondition(two, "Progressing")).toBeUndefined();
});

test("times are written as Kubernetes reads them", () => {
  expect([timestamp(start), microTimestamp(start)]).toEqual(["2026-11-23T21:30:00Z", "2026-11-23T21:30:00.123000Z"]);
});
