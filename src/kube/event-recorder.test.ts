import { expect, test } from "vitest";
import { FakeClock } from "../../test/fixtures/kube/fake-clock.ts";
import { RecordedLog } from "../../test/fixtures/kube/recorded-log.ts";
import { EventRecorder, type NewEvent } from "./event-recorder.ts";
import type { KubeClient } from "./kube-client.ts";
import type { KubeObject, Stored } from "./resource-type.ts";
import type { Event } from "./resources.ts";

const about: Stored<KubeObject> = {
  apiVersion: "oadp.openshift.io/v1alpha1",
  kind: "VirtualMachineFileRestore",
  metadata: { namespace: "shop", name: "web", uid: "u1", resourceVersion: "5" },
};
const unreadable: NewEvent = { type: "Warning", reason: "DiskUnreadable", action: "Inspect", note: "web-1: encrypted" };

function setUp() {
  const created: Event[] = [];
  const counts: number[] = [];
  const fault: { error?: Error } = {};
  const act = async (write: () => void) => {
    if (fault.error !== undefined) throw fault.error;
    write();
    return undefined as never;
  };
  const client: Pick<KubeClient, "create" | "mergePatch"> = {
    create: (_type, object) => act(() => created.push(object as unknown as Event)),
    mergePatch: (_type, _key, patch) => act(() => counts.push((patch as { series: { count: number } }).series.count)),
  };
  const clock = new FakeClock();
  const log = new RecordedLog();
  const recorder = new EventRecorder({ client, controller: "example.org/test", instance: "pod-1", log, clock });
  return { recorder, created, counts, clock, log, fault };
}

test("an event says what happened to which object", async () => {
  const { recorder, created } = setUp();
  recorder.record(about, unreadable);
  await recorder.flush();
  expect(created).toEqual([
    {
      apiVersion: "events.k8s.io/v1",
      kind: "Event",
      metadata: { namespace: "shop", name: expect.stringMatching(/^web\.[0-9a-f]{16}$/) },
      eventTime: "2026-01-01T00:00:00.000000Z",
      reportingController: "example.org/test",
      reportingInstance: "pod-1",
      regarding: {
        apiVersion: about.apiVersion,
        kind: about.kind,
        namespace: "shop",
        name: "web",
        uid: "u1",
        resourceVersion: "5",
      },
      ...unreadable,
    },
  ]);
});

test("the same again is counted, seldom; after ten minutes it is told anew", async () => {
  const { recorder, created, counts, clock } = setUp();
  for (let time = 0; time < 100; time++) recorder.record(about, unreadable);
  await recorder.flush();
  expect([created.length, counts]).toEqual([1, [2, 4, 8, 16, 32, 64]]);
  await clock.advance(10 * 60_000);
  recorder.record(about, unreadable);
  await recorder.flush();
  expect(created).toHaveLength(2);
});

test("a flood about one object is cut off, and others are still heard", async () => {
  const { recorder, created, clock } = setUp();
  const flood = (count: number, of = about) => {
    for (let time = 0; time < count; time++) recorder.record(of, { ...unreadable, note: `${clock.now()} ${time}` });
  };
  flood(100);
  flood(1, { ...about, metadata: { ...about.metadata, uid: "u2" } });
  await clock.advance(3 * 60_000);
  flood(100);
  await recorder.flush();
  expect(created).toHaveLength(25 + 1 + 3);
});

test("a long note is cut between characters", async () => {
  const { recorder, created } = setUp();
  recorder.record(about, { ...unreadable, note: `x${"ü".repeat(1_000)}` });
  await recorder.flush();
  expect(created[0]?.note).toBe(`x${"ü".repeat(511)}`);
});

test("an event that cannot be written is logged, and later ones are written", async () => {
  const { recorder, created, log, fault } = setUp();
  fault.error = new Error("full");
  recorder.record(about, unreadable);
  await recorder.flush();
  delete fault.error;
  recorder.record(about, { ...unreadable, reason: "Other" });
  await recorder.flush();
  expect([created.length, log.lines.map(({ message }) => message)]).toEqual([1, ["Could not write event"]]);
});
