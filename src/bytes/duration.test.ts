import { expect, test } from "vitest";
import { formatDuration, parseDuration } from "./duration.ts";

test("durations", () => {
  expect(["90m", "8h", "1h30m", "2d", "45s"].map(parseDuration)).toEqual([
    5_400_000, 28_800_000, 5_400_000, 172_800_000, 45_000,
  ]);
});

test.each(["", "8", "h", "8h ", "-1h", "0s", "1w"])("%j is refused", (text) => {
  expect(() => parseDuration(text)).toThrow("is not a duration");
});

test("a duration is written as it is read", () => {
  const texts = ["10s", "15m", "4h", "1h30m", "1d1s"];
  expect(texts.map((text) => formatDuration(parseDuration(text)))).toEqual(texts);
  expect(formatDuration(999)).toBe("0s");
});
