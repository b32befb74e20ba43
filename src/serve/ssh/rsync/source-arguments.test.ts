import { expect, test } from "vitest";
import { cutArgument, trimSlashes } from "./source-arguments.ts";

test.each([
  ["web/dir", { directory: "", name: "web/dir", kind: "plain" }],
  ["/web//dir/", { directory: "", name: "/web/dir", kind: "slash" }],
  ["/web/dir/.", { directory: "", name: "/web/dir", kind: "slash" }],
  ["/web/dir/...", { directory: "", name: "/web/dir/...", kind: "plain" }],
  ["/web/./dir/./", { directory: "/web", name: "dir", kind: "slash" }],
  ["/./", { directory: "/", name: ".", kind: "dot" }],
])("-R cuts %s", (argument, expected) => {
  expect(cutArgument(argument, true)).toEqual(expected);
});

test("paths made to be slow are not", () => {
  const slashes = "/".repeat(100_000);
  const startedAt = performance.now();
  expect(cutArgument(`/web${slashes}x`, true)).toEqual({ directory: "", name: "/web/x", kind: "plain" });
  expect(trimSlashes(`${slashes}web${slashes}x${slashes}`)).toHaveLength(100_004);
  expect(performance.now() - startedAt).toBeLessThan(1000);
});
