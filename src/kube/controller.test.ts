import { expect, test } from "vitest";
import { FakeClock, settle } from "../../test/fixtures/kube/fake-clock.ts";
import { RecordedLog } from "../../test/fixtures/kube/recorded-log.ts";
import { ApiError } from "./api-error.ts";
import { Controller, enqueueOnChange, type ReconcileOutcome } from "./controller.ts";
import { type ReconcileResult, type Reconciler, TerminalReconcileError } from "./reconciler.ts";
import { type KubeObject, keyText, type ObjectKey, type Stored } from "./resource-type.ts";
import { WorkQueue } from "./work-queue.ts";

const key = (name: string): ObjectKey => ({ namespace: "shop", name });

function setUp(reconcile: Reconciler["reconcile"], concurrency = 2) {
  const clock = new FakeClock();
  const queue = new WorkQueue({ clock, random: () => 1 });
  const log = new RecordedLog();
  const outcomes: ReconcileOutcome[] = [];
  const metrics = { reconciled: (_name: string, outcome: ReconcileOutcome) => outcomes.push(outcome) };
  const controller = new Controller({
    name: "test",
    queue,
    reconciler: { reconcile },
    concurrency,
    log,
    metrics,
    clock,
  });
  const stop = new AbortController();
  const ended = controller.run(stop.signal);
  return { clock, queue, log, outcomes, stop, ended };
}

test("different keys run at once, the same key never, and a change meanwhile is not lost", async () => {
  const running: string[] = [];
  const seen: string[] = [];
  const finish: (() => void)[] = [];
  const { queue, stop, ended } = setUp(async (reconciled) => {
    const text = keyText(reconciled);
    expect(running).not.toContain(text);
    running.push(text);
    seen.push(text);
    await new Promise<void>((resolve) => finish.push(resolve));
    running.splice(running.indexOf(text), 1);
    return undefined;
  });
  for (const name of ["a", "b", "c"]) queue.add(key(name));
  await settle();
  expect(running).toEqual(["shop/a", "shop/b"]);
  queue.add(key("a"));
  finish[0]?.();
  await settle();
  expect(running).toEqual(["shop/b", "shop/c"]);
  finish[1]?.();
  await settle();
  expect(running).toEqual(["shop/c", "shop/a"]);
  stop.abort();
  let over = false;
  void ended.then(() => {
    over = true;
  });
  await settle();
  expect(over).toBe(false);
  for (const resolve of finish) resolve();
  await ended;
  expect(seen).toEqual(["shop/a", "shop/b", "shop/c", "shop/a"]);
});

test("what fails comes again, later and later; what failed for good does not; what asks for it does", async () => {
  const results: (ReconcileResult | Error | undefined)[] = [
    new Error("one"),
    new ApiError("busy", { status: 429, reason: "TooManyRequests", retryAfterMs: 3_000 }),
    new ApiError("changed", { status: 409, reason: "Conflict" }),
    { requeueAfterMs: 60_000 },
    new TerminalReconcileError("never"),
    undefined,
  ];
  const times: number[] = [];
  const { clock, queue, log, outcomes, stop, ended } = setUp(async () => {
    times.push(clock.monotonic());
    const result = results.shift();
    if (result instanceof Error) throw result;
    return result;
  }, 1);
  queue.add(key("a"));
  await clock.advance(200_000);
  expect(times).toEqual([0, 100, 3_100, 3_500, 63_500]);
  queue.add(key("a"));
  await clock.advance(1);
  expect(outcomes).toEqual(["error", "error", "error", "requeue", "terminal-error", "success"]);
  expect(log.lines.map(({ level }) => level)).toEqual(["warn", "warn", "info", "error"]);
  expect(log.lines[0]?.fields).toEqual({ controller: "test", object: "shop/a", reason: "unexpected Error: one" });
  stop.abort();
  await ended;
});

test("stopping tells the reconciler, is not a failure of the object, and leaves no timers", async () => {
  const { clock, queue, log, stop, ended } = setUp(
    (_key, signal) => new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  );
  queue.add(key("a"));
  queue.addAfter(key("b"), 5_000);
  await settle();
  stop.abort(new Error("stop"));
  await ended;
  expect([log.lines, queue.length, clock.pendingTimers]).toEqual([[], 0, 0]);
});

test("a change concerns those whom the object names now and whom it named before", () => {
  const queue = new WorkQueue();
  const ownedBy = (owner: string): Stored<KubeObject> => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "pod", uid: "u", resourceVersion: "1", labels: { owner } },
  });
  const listener = enqueueOnChange(queue, ({ metadata }) => [key(metadata.labels?.["owner"] ?? "")]);
  listener(ownedBy("first"), ownedBy("second"));
  listener(ownedBy("second"), undefined);
  expect(queue.length).toBe(2);
  enqueueOnChange(queue)(undefined, ownedBy("second"));
  expect(queue.length).toBe(3);
});
