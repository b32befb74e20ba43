import { expect, test } from "vitest";
import { formatBytes, formatDuration, formatExactTime, formatTime } from "./human.ts";

test("bytes, durations, modes", () => {
  expect([0, 1023, 1024, 1_500_000, 250 * 1024 ** 3].map(formatBytes)).toEqual([
    "0 B",
    "1023 B",
    "1.0 KiB",
    "1.4 MiB",
    "250 GiB",
  ]);
  expect([5, 65, 7389].map(formatDuration)).toEqual(["0:05", "1:05", "2:03:09"]);
});

test("times before 1970, with nanoseconds, and beyond JavaScript's calendar", () => {
  expect(formatExactTime(1_700_000_000_123_456_789n)).toBe("2023-11-14T22:13:20.123456789Z");
  expect(formatExactTime(-1n)).toBe("1969-12-31T23:59:59.999999999Z");
  expect(formatTime(9_000_000_000_000_000_000_000n)).toBe("@9000000000000");
});
