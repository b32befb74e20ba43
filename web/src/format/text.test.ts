import { expect, test } from "vitest";
import { decodeSegment, formatBytes, formatMode, formatRelative } from "./text.ts";

test.each([
  ["file", 0o644, "-rw-r--r--"],
  ["directory", 0o1777, "drwxrwxrwt"],
  ["file", 0o4755, "-rwsr-xr-x"],
  ["file", 0o2640, "-rw-r-S---"],
  ["symlink", 0o777, "lrwxrwxrwx"],
])("mode of a %s with %i", (type, mode, text) => {
  expect(formatMode(type, mode)).toBe(text);
});

test("bytes in binary units", () => {
  expect([0, 1023, 1024, 1536, 10 * 1024 ** 2, 3 * 1024 ** 4].map(formatBytes)).toEqual([
    "0 B",
    "1023 B",
    "1.0 KiB",
    "1.5 KiB",
    "10 MiB",
    "3.0 TiB",
  ]);
});

test("names that are not valid UTF-8 stay encoded", () => {
  expect(decodeSegment("gr%C3%BC%C3%9Fe")).toBe("grüße");
  expect(decodeSegment("a%FF")).toBe("a%FF");
});

test("relative times", () => {
  expect(formatRelative(0, 3 * 86_400_000)).toBe("3 days ago");
  expect(formatRelative(0, 3.9 * 86_400_000)).toBe("3 days ago");
  expect(formatRelative(7.99 * 3_600_000, 0)).toBe("in 8 hours");
});
