import { expect, test } from "vitest";
import { LruCache } from "./lru-cache.ts";

test("drops the least recently used first and never exceeds its budget", () => {
  const cache = new LruCache<string, number>(10);
  cache.set("a", 1, 4);
  cache.set("b", 2, 4);
  cache.get("a");
  cache.set("c", 3, 4);
  expect([cache.get("a"), cache.get("b"), cache.get("c"), cache.weight]).toEqual([1, undefined, 3, 8]);
  cache.set("huge", 4, 11);
  expect([cache.get("huge"), cache.weight]).toEqual([undefined, 8]);
});
