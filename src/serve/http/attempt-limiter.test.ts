import { expect, test } from "vitest";
import { createAttemptLimiter } from "./attempt-limiter.ts";

function limiterWithClock() {
  const clock = { now: 1_000_000 };
  return { clock, limiter: createAttemptLimiter(() => clock.now) };
}

function fail(limiter: ReturnType<typeof createAttemptLimiter>, times: number, address = "a", user = "u"): void {
  for (let time = 0; time < times; time++) limiter.failed(address, user);
}

test("four wrong passwords are free, the fifth costs five seconds, later ones twice as much each", () => {
  const { limiter, clock } = limiterWithClock();
  fail(limiter, 4);
  expect(limiter.waitSeconds("a", "u")).toBe(0);
  fail(limiter, 1);
  expect(limiter.waitSeconds("a", "u")).toBe(5);
  clock.now += 5000;
  expect(limiter.waitSeconds("a", "u")).toBe(0);
  fail(limiter, 1);
  expect(limiter.waitSeconds("a", "u")).toBe(10);
  fail(limiter, 10);
  expect(limiter.waitSeconds("a", "u")).toBe(60);
});

test("others are not kept out, until one address has guessed at many users", () => {
  const { limiter } = limiterWithClock();
  fail(limiter, 5);
  expect(limiter.waitSeconds("b", "u")).toBe(0);
  expect(limiter.waitSeconds("a", "v")).toBe(0);
  for (let user = 0; user < 20; user++) limiter.failed("c", `user-${user}`);
  expect(limiter.waitSeconds("c", "somebody")).toBeGreaterThan(0);
});

test("a right password, or a quarter of an hour, forgets the wrong ones", () => {
  const { limiter, clock } = limiterWithClock();
  fail(limiter, 4);
  limiter.succeeded("a", "u");
  fail(limiter, 4);
  expect(limiter.waitSeconds("a", "u")).toBe(0);
  clock.now += 16 * 60_000;
  fail(limiter, 4);
  expect(limiter.waitSeconds("a", "u")).toBe(0);
});
