import { expect, test } from "vitest";
import { createSessionTable } from "./session-table.ts";

test("a session lasts until it is removed or too old, and tokens cannot be guessed from each other", () => {
  const clock = { now: 0 };
  const sessions = createSessionTable(1000, () => clock.now);
  const first = sessions.create("u");
  const second = sessions.create("u");
  expect(first).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(second).not.toBe(first);
  expect(sessions.find(first)).toBe("u");
  expect(sessions.find(`${first}x`)).toBeUndefined();
  sessions.remove(first);
  expect(sessions.find(first)).toBeUndefined();
  clock.now = 1000;
  expect(sessions.find(second)).toBeUndefined();
});

test("a thousand sessions at most, the oldest give way", () => {
  const sessions = createSessionTable();
  const first = sessions.create("u");
  const others = Array.from({ length: 1000 }, () => sessions.create("u"));
  expect(sessions.find(first)).toBeUndefined();
  expect(others.every((token) => sessions.find(token) === "u")).toBe(true);
});
