import { expect, test } from "vitest";
import { FakeClock, settle } from "../../test/fixtures/kube/fake-clock.ts";
import type { ObjectKey } from "./resource-type.ts";
import { WorkQueue } from "./work-queue.ts";

const a = { namespace: "shop", name: "a" };
const b = { namespace: "shop", name: "b" };

function setUp() {
  const clock = new FakeClock();
  const queue = new WorkQueue({ clock, random: () => 1 });
  const stop = new AbortController();
  /** What could be taken now, without taking what is taken already. */
  const takeAll = async () => {
    const taken: ObjectKey[] = [];
    while (queue.length > 0) taken.push(await queue.take(stop.signal));
    return taken;
  };
  return { clock, queue, stop, takeAll };
}

test("a key waits once, in order of its first arrival", async () => {
  const { queue, takeAll } = setUp();
  for (const key of [a, b, { ...a }]) queue.add(key);
  expect(await takeAll()).toEqual([a, b]);
});

test("a key added while a worker has it comes again when that one is done, and only then", async () => {
  const { queue, stop, takeAll } = setUp();
  queue.add(a);
  const taken = await queue.take(stop.signal);
  queue.add(a);
  queue.add(a);
  expect(queue.length).toBe(0);
  queue.done(taken);
  expect(await takeAll()).toEqual([a]);
  queue.done(a);
  expect(queue.length).toBe(0);
});

test("a worker that waits gets the next key; one that is stopped gets none", async () => {
  const { queue, stop } = setUp();
  const given: ObjectKey[] = [];
  const waiting = queue.take(stop.signal).then((key) => given.push(key));
  queue.add(a);
  queue.add(a);
  await waiting;
  expect([given, queue.length]).toEqual([[a], 0]);
  const stopped = queue.take(stop.signal);
  stop.abort(new Error("stop"));
  await expect(stopped).rejects.toThrow("stop");
  queue.add(b);
  expect(queue.length).toBe(1);
  await expect(queue.take(stop.signal)).rejects.toThrow("stop");
});

test("of several moments for one key the earliest counts", async () => {
  const { clock, queue } = setUp();
  queue.addAfter(a, 5_000);
  queue.addAfter(a, 1_000);
  queue.addAfter(a, 9_000);
  await clock.advance(999);
  expect(queue.length).toBe(0);
  await clock.advance(1);
  expect([queue.length, clock.pendingTimers]).toEqual([1, 0]);
});

test("failures in a row wait twice as long each, up to five minutes; a success forgets them", async () => {
  const { clock, queue, takeAll } = setUp();
  const pauses: number[] = [];
  for (let failure = 0; failure < 15; failure++) {
    const start = clock.monotonic();
    queue.addRateLimited(a);
    while (queue.length === 0) await clock.advance(100);
    pauses.push(clock.monotonic() - start);
    await takeAll();
    queue.done(a);
  }
  expect(pauses.slice(0, 5)).toEqual([100, 200, 400, 800, 1_600]);
  expect(pauses.slice(-2)).toEqual([300_000, 300_000]);
  queue.forget(a);
  queue.addRateLimited(a);
  await clock.advance(100);
  expect(await takeAll()).toEqual([a]);
});

test("a server that asks to wait is waited for", async () => {
  const { clock, queue } = setUp();
  queue.addRateLimited(a, 7_000);
  await clock.advance(6_999);
  expect(queue.length).toBe(0);
  await clock.advance(1);
  expect(queue.length).toBe(1);
});

test("clear leaves nothing behind", async () => {
  const { clock, queue } = setUp();
  queue.add(a);
  queue.addAfter(b, 100);
  queue.clear();
  await settle();
  expect([queue.length, clock.pendingTimers]).toEqual([0, 0]);
});
