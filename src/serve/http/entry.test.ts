import { expect, test } from "vitest";
import { timestamp } from "./entry.ts";

test.each([
  [0n, "1970-01-01T00:00:00.000000000Z"],
  [1_700_000_000_123_456_789n, "2023-11-14T22:13:20.123456789Z"],
  [-1n, "1969-12-31T23:59:59.999999999Z"],
  [2n ** 63n - 1n, "2262-04-11T23:47:16.854775807Z"],
])("%d nanoseconds", (nanoseconds, text) => {
  expect(timestamp(nanoseconds)).toBe(text);
});

test("times beyond the calendar end where it ends", () => {
  expect(timestamp(2n ** 100n)).toMatch(/^\+275760-09-13T00:00:00\.\d{9}Z$/);
  expect(timestamp(-(2n ** 100n))).toMatch(/^-271821-04-20T00:00:00\.\d{9}Z$/);
});
