import { expect, test } from "vitest";
import { FakeClock, settle } from "../../test/fixtures/kube/fake-clock.ts";
import { MemoryObjects } from "../../test/fixtures/kube/memory-objects.ts";
import { RecordedLog } from "../../test/fixtures/kube/recorded-log.ts";
import { LeaderElection, LeadershipLostError } from "./leader-election.ts";
import { leases } from "./resources.ts";

const lease = { namespace: "system", name: "leader" };

/** One process that wants to lead: its own clock, its own way to the API server. */
function candidate(name: string, objects: MemoryObjects, clock: FakeClock, reachable = () => true) {
  const reach = async <Result>(call: () => Promise<Result>): Promise<Result> => {
    if (!reachable()) throw new Error("no route");
    return await call();
  };
  const client = {
    find: ((type, key) => reach(() => objects.find(type, key))) as MemoryObjects["find"],
    create: ((type, object) => reach(() => objects.create(type, object))) as MemoryObjects["create"],
    replace: ((type, object) => reach(() => objects.replace(type, object))) as MemoryObjects["replace"],
  };
  const log = new RecordedLog();
  const election = new LeaderElection({ client, lease, identity: name, log, clock });
  const stop = new AbortController();
  const outcome = { error: undefined as unknown, ended: false, told: false, finish: () => {} };
  const lead = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      outcome.finish = resolve;
      signal.addEventListener("abort", () => {
        outcome.told = true;
        resolve();
      });
    });
  void election
    .run(lead, stop.signal)
    .catch((error: unknown) => {
      outcome.error = error;
    })
    .finally(() => {
      outcome.ended = true;
    });
  return { election, stop, outcome, log };
}

test("of two, one leads; the other follows at once when the first gives up", async () => {
  const [objects, clock] = [new MemoryObjects(), new FakeClock()];
  const first = candidate("first", objects, clock);
  await settle();
  const second = candidate("second", objects, clock);
  await clock.advance(120_000);
  expect([first.election.leading, second.election.leading]).toEqual([true, false]);
  first.stop.abort();
  await settle();
  expect(first.outcome).toMatchObject({ ended: true, told: true, error: undefined });
  await clock.advance(2_500);
  expect(second.election.leading).toBe(true);
  expect((await objects.find(leases, lease))?.spec).toMatchObject({
    holderIdentity: "second",
    leaseDurationSeconds: 15,
    renewTime: expect.stringMatching(/^2026-01-01T00:02:0\d\.\d{6}Z$/),
  });
});

test("the lease is given back after the work has ended, not before", async () => {
  const [objects, clock] = [new MemoryObjects(), new FakeClock()];
  const election = new LeaderElection({ client: objects, lease, identity: "slow", log: new RecordedLog(), clock });
  const stop = new AbortController();
  let finish = () => {};
  const run = election.run(() => new Promise((resolve) => (finish = resolve)), stop.signal);
  await clock.advance(1_000);
  stop.abort();
  await clock.advance(30_000);
  expect((await objects.find(leases, lease))?.spec?.holderIdentity).toBe("slow");
  const other = candidate("other", objects, clock);
  await clock.advance(30_000);
  expect(other.election.leading).toBe(false);
  finish();
  await run;
  await clock.advance(3_000);
  expect(other.election.leading).toBe(true);
});

test("a leader that cannot renew stops before anybody else starts, and its run fails", async () => {
  const [objects, clock] = [new MemoryObjects(), new FakeClock()];
  let reachable = true;
  const first = candidate("first", objects, clock, () => reachable);
  await settle();
  const second = candidate("second", objects, clock);
  await clock.advance(31_000);
  reachable = false;
  let lostAt = 0;
  let ledAt = 0;
  for (let step = 0; step < 300 && ledAt === 0; step++) {
    await clock.advance(100);
    expect([first.election.leading, second.election.leading]).not.toEqual([true, true]);
    if (lostAt === 0 && !first.election.leading) lostAt = clock.monotonic();
    if (second.election.leading) ledAt = clock.monotonic();
  }
  expect(first.outcome.error).toBeInstanceOf(LeadershipLostError);
  expect(first.outcome.told).toBe(true);
  expect(lostAt - 31_000).toBeLessThanOrEqual(10_000);
  expect(ledAt - lostAt).toBeGreaterThanOrEqual(4_000);
});

test("a process that was held up does not go on as the leader, whatever it would find", async () => {
  const [objects, slow, clock] = [new MemoryObjects(), new FakeClock(), new FakeClock()];
  const first = candidate("first", objects, slow);
  await settle();
  const second = candidate("second", objects, clock);
  await clock.advance(20_000);
  expect(second.election.leading).toBe(true);
  slow.stall(20_000);
  await slow.advance(0);
  expect(first.outcome.error).toBeInstanceOf(LeadershipLostError);
});

test("wall clocks may be years apart", async () => {
  const [objects, ahead, behind] = [new MemoryObjects(), new FakeClock(), new FakeClock()];
  behind.wallOffset = Date.UTC(1999, 0, 1);
  const first = candidate("first", objects, behind);
  await settle();
  const second = candidate("second", objects, ahead);
  for (let second_ = 0; second_ < 60; second_++) {
    await behind.advance(1_000);
    await ahead.advance(1_000);
  }
  expect([first.election.leading, second.election.leading]).toEqual([true, false]);
});

test("a renewal whose answer is lost does not end the term; a stolen lease does", async () => {
  const [objects, clock] = [new MemoryObjects(), new FakeClock()];
  const first = candidate("first", objects, clock);
  await clock.advance(4_000);
  const found = await objects.find(leases, lease);
  if (found === undefined) throw new Error("there is no lease");
  await objects.replace(leases, found);
  await clock.advance(30_000);
  expect(first.election.leading).toBe(true);
  const now = await objects.find(leases, lease);
  if (now === undefined) throw new Error("there is no lease");
  await objects.replace(leases, { ...now, spec: { ...now.spec, holderIdentity: "thief" } });
  await clock.advance(3_000);
  expect(first.outcome.error).toMatchObject({ message: "another process leads now: thief" });
  expect((await objects.find(leases, lease))?.spec?.holderIdentity).toBe("thief");
});

test("many that fight over a failing API server: never two at a time, and always one in the end", async () => {
  const [objects, clock] = [new MemoryObjects(), new FakeClock()];
  let seed = 7;
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  let storm = true;
  const fighters: ReturnType<typeof candidate>[] = [];
  const terms = new Set<string>();
  for (let step = 0; step < 1_500; step++) {
    storm = step < 1_200;
    const alive = fighters.filter(({ outcome }) => !outcome.ended);
    for (let missing = alive.length; missing < 3; missing++) {
      const outage = { until: 0 };
      const reachable = () => {
        if (storm && random() < 0.05) outage.until = clock.monotonic() + random() * 30_000;
        return clock.monotonic() >= outage.until;
      };
      fighters.push(candidate(`fighter-${fighters.length}`, objects, clock, reachable));
    }
    if (storm && random() < 0.01) alive[Math.floor(random() * alive.length)]?.stop.abort();
    await clock.advance(500);
    const leading = fighters.filter(({ election }) => election.leading);
    expect(leading.length).toBeLessThanOrEqual(1);
    for (const { election } of leading) terms.add(String(fighters.findIndex((each) => each.election === election)));
  }
  expect(terms.size).toBeGreaterThan(5);
  expect(fighters.filter(({ election }) => election.leading)).toHaveLength(1);
});

test("work that fails gives the lease back and passes its error on", async () => {
  const [objects, clock] = [new MemoryObjects(), new FakeClock()];
  const election = new LeaderElection({ client: objects, lease, identity: "one", log: new RecordedLog(), clock });
  const run = election.run(() => Promise.reject(new Error("work")), new AbortController().signal);
  await expect(run).rejects.toThrow("work");
  expect((await objects.find(leases, lease))?.spec?.holderIdentity).toBe("");
});
