/** src/kube against a real API server: what it makes of our calls, and what ours make of its restarts. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ApiError, isAlreadyExists, isConflict, isGone, isNotFound } from "../../src/kube/api-error.ts";
import { Controller, enqueueOnChange } from "../../src/kube/controller.ts";
import { kubeconfigCredentials } from "../../src/kube/credentials.ts";
import { EventRecorder } from "../../src/kube/event-recorder.ts";
import { addFinalizer, hasFinalizer, removeFinalizer } from "../../src/kube/finalizers.ts";
import { Informer } from "../../src/kube/informer.ts";
import { KubeClient } from "../../src/kube/kube-client.ts";
import { LeaderElection } from "../../src/kube/leader-election.ts";
import { type ConfigMap, configMaps, events, httpRoutes, leases, namespaces, pods } from "../../src/kube/resources.ts";
import { WorkQueue } from "../../src/kube/work-queue.ts";
import { RecordedLog } from "../fixtures/kube/recorded-log.ts";
import { tally } from "../setup/tally.ts";
import { type Cluster, startCluster } from "./control-plane/cluster.ts";

const NAMESPACE = "kube-runtime";
const PATIENT = { timeout: 60_000 };

let cluster: Cluster;
let client: KubeClient;
const stop = new AbortController();

beforeAll(async () => {
  cluster = await startCluster();
  client = new KubeClient(await kubeconfigCredentials({ file: cluster.kubeconfigFile }));
  await client.create(namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } });
});
afterAll(async () => {
  stop.abort();
  client?.close();
  await cluster?.stop();
});

const configMap = (
  name: string,
  data: Record<string, string> = {},
  labels: Record<string, string> = {},
): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { namespace: NAMESPACE, name, labels },
  data,
});
const key = (name: string) => ({ namespace: NAMESPACE, name });

async function caught(work: Promise<unknown>): Promise<ApiError> {
  return await work.then(
    () => expect.fail("it did not throw"),
    (error: ApiError) => error,
  );
}

test("creates, reads, replaces, patches and deletes, and tells conflicts apart", async () => {
  const created = await client.create(configMaps, configMap("verbs", { a: "𝔘 日本" }));
  expect((await client.get(configMaps, key("verbs"))).data).toEqual({ a: "𝔘 日本" });
  expect(isAlreadyExists(await caught(client.create(configMaps, configMap("verbs"))))).toBe(true);

  const replaced = await client.replace(configMaps, { ...created, data: { a: "2" } });
  expect(isConflict(await caught(client.replace(configMaps, { ...created, data: { a: "3" } })))).toBe(true);
  const merged = await client.mergePatch(configMaps, key("verbs"), { data: { a: null, b: "4" } });
  expect(merged.data).toEqual({ b: "4" });
  const { resourceVersion } = replaced.metadata;
  expect(isConflict(await caught(client.mergePatch(configMaps, key("verbs"), { metadata: { resourceVersion } })))).toBe(
    true,
  );
  const patched = await client.jsonPatch(configMaps, key("verbs"), [
    { op: "test", path: "/data/b", value: "4" },
    { op: "add", path: "/data/c", value: "5" },
  ]);
  expect(patched.data).toEqual({ b: "4", c: "5" });

  const invalid = await caught(client.create(configMaps, configMap("Not A Name")));
  expect([invalid.status, invalid.reason]).toEqual([422, "Invalid"]);
  expect(isConflict(await caught(client.delete(configMaps, key("verbs"), { uid: "another" })))).toBe(true);
  expect(await client.delete(configMaps, key("verbs"), { uid: created.metadata.uid })).toBe(true);
  expect(await client.delete(configMaps, key("verbs"))).toBe(false);
  expect(await client.find(configMaps, key("verbs"))).toBeUndefined();
  expect(isNotFound(await caught(client.replace(configMaps, replaced)))).toBe(true);
});

test("server-side apply owns fields; status is a resource of its own", async () => {
  await client.apply(configMaps, configMap("applied", { a: "1" }), { fieldManager: "one" });
  const other = caught(client.apply(configMaps, configMap("applied", { a: "2" }), { fieldManager: "two" }));
  expect(isConflict(await other)).toBe(true);
  const forced = await client.apply(configMaps, configMap("applied", { a: "2" }), { fieldManager: "two", force: true });
  expect(forced.data).toEqual({ a: "2" });
  const without = await client.apply(configMaps, configMap("applied"), { fieldManager: "two" });
  expect(without.data).toBeUndefined();

  const pod = { apiVersion: "v1", kind: "Pod", metadata: key("applied") };
  await expect
    .poll(() => cluster.kubectl("get", "sa", "default", "-n", NAMESPACE).catch(() => ""), PATIENT)
    .toContain("default");
  await client.apply(pods, { ...pod, spec: { containers: [{ name: "c", image: "i" }] } }, { fieldManager: "one" });
  const status = { ...pod, status: { message: "from us" } };
  const applied = await client.apply(pods, status, { fieldManager: "one", subresource: "status" });
  expect(applied.status?.message).toBe("from us");
  const replaced = await client.replaceStatus(pods, { ...applied, status: { ...applied.status, message: "again" } });
  expect(replaced.status?.message).toBe("again");
  await client.delete(pods, key("applied"));
});

test("lists in pages what kubectl lists", async () => {
  const labels = { test: "pages" };
  const names = Array.from({ length: 25 }, (_, index) => `page-${String(index).padStart(2, "0")}`);
  await Promise.all(names.map((name) => client.create(configMaps, configMap(name, {}, labels))));
  const selection = { namespace: NAMESPACE, labelSelector: "test=pages", limit: 4 };
  const listed: string[] = [];
  for await (const { kind, metadata } of client.list(configMaps, selection))
    listed.push(`${kind.toLowerCase()}/${metadata.name}`);
  const expected = await cluster.kubectl("get", "configmaps", "-n", NAMESPACE, "-l", "test=pages", "-o", "name");
  expect(listed).toEqual(expected.trim().split("\n"));
  tally("objects listed in pages equal to kubectl's list", listed.length);
});

test("discovery: pods yes, HTTPRoute no", async () => {
  expect([await client.serves(pods), await client.serves(httpRoutes)]).toEqual([true, false]);
});

test("an informer follows, through a restart of the API server, and misses no deletion", async () => {
  const ended = new AbortController();
  const log = new RecordedLog();
  const options = { client, type: configMaps, namespace: NAMESPACE, labelSelector: "test=informer", log };
  const informer = new Informer<ConfigMap>(options);
  const mirror = new Map<string, string | undefined>();
  informer.onChange((before, now) => {
    if (now === undefined) mirror.delete(before?.metadata.name ?? "");
    else mirror.set(now.metadata.name, now.data?.["a"]);
  });
  const make = (name: string) => client.create(configMaps, configMap(name, { a: "1" }, { test: "informer" }));
  await Promise.all(["one", "two", "three"].map(make));
  informer.start(ended.signal);
  await informer.synced;
  await client.mergePatch(configMaps, key("one"), { data: { a: "2" } });
  await client.delete(configMaps, key("two"));
  await expect.poll(() => Object.fromEntries(mirror), PATIENT).toEqual({ one: "2", three: "1" });

  await cluster.restartApiServer();
  await client.delete(configMaps, key("three"));
  await make("four");
  // Left the selection, which is a deletion for those who watch it.
  await client.mergePatch(configMaps, key("one"), { metadata: { labels: { test: "other" } } });
  await expect.poll(() => Object.fromEntries(mirror), PATIENT).toEqual({ four: "1" });
  expect(informer.list().map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual(["ConfigMap four"]);
  ended.abort();
});

test("a watch from before the API server's memory, which began with its restart, is gone", async () => {
  const signal = AbortSignal.timeout(PATIENT.timeout);
  const reading = async () => {
    for await (const _event of client.watch(configMaps, { namespace: NAMESPACE, resourceVersion: "1", signal }));
  };
  expect(isGone(await caught(reading()))).toBe(true);
});

test("a controller brings each object to what it should be, finalizer included", async () => {
  const ended = new AbortController();
  const log = new RecordedLog();
  const queue = new WorkQueue();
  const selection = { namespace: NAMESPACE, labelSelector: "test=controller" };
  const informer = new Informer<ConfigMap>({ client, type: configMaps, log, ...selection });
  const finalizer = "example.org/test";
  const cleaned: string[] = [];
  const reconciler = {
    async reconcile(object: { namespace?: string; name: string }) {
      const found = await client.find(configMaps, object);
      if (found === undefined) return undefined;
      if (found.metadata.deletionTimestamp !== undefined) {
        cleaned.push(object.name);
        await removeFinalizer(client, configMaps, found, finalizer);
        return undefined;
      }
      const mine = await addFinalizer(client, configMaps, found, finalizer);
      if (mine.data?.["done"] !== "yes") await client.mergePatch(configMaps, object, { data: { done: "yes" } });
      return undefined;
    },
  };
  informer.onChange(enqueueOnChange(queue));
  informer.start(ended.signal);
  const running = new Controller({ name: "test", queue, reconciler, concurrency: 3, log }).run(ended.signal);

  const names = Array.from({ length: 10 }, (_, index) => `controlled-${index}`);
  await Promise.all(names.map((name) => client.create(configMaps, configMap(name, {}, { test: "controller" }))));
  const done = () =>
    informer.list().filter((each) => each.data?.["done"] === "yes" && hasFinalizer(each, finalizer)).length;
  await expect.poll(done, PATIENT).toBe(names.length);
  for (const name of names) await client.delete(configMaps, key(name));
  await expect.poll(() => informer.list().length, PATIENT).toBe(0);
  expect(new Set(cleaned)).toEqual(new Set(names));
  ended.abort();
  await running;
  tally("objects reconciled, finalized and gone from a real API server", names.length);
});

test("two that want to lead: one does, hands over, and notices when it is deposed", async () => {
  const lease = key("leader");
  const times = { leaseMs: 6_000, renewMs: 4_000, retryMs: 400 };
  const overlaps: number[] = [];
  const candidate = (identity: string) => {
    const ended = new AbortController();
    const election = new LeaderElection({ client, lease, identity, log: new RecordedLog(), ...times });
    const run = election.run(
      (signal) => new Promise((resolve) => signal.addEventListener("abort", () => resolve())),
      ended.signal,
    );
    return { election, run, stop: () => ended.abort() };
  };
  const first = candidate("first");
  await expect.poll(() => first.election.leading, PATIENT).toBe(true);
  const second = candidate("second");
  const watching = setInterval(
    () => overlaps.push(Number(first.election.leading) + Number(second.election.leading)),
    5,
  );
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  expect(second.election.leading).toBe(false);
  first.stop();
  await first.run;
  await expect.poll(() => second.election.leading, PATIENT).toBe(true);
  const { spec } = await client.get(leases, lease);
  expect(spec).toMatchObject({
    holderIdentity: "second",
    leaseTransitions: expect.any(Number),
    leaseDurationSeconds: 6,
  });

  // A thief with kubectl: the leader notices and its run fails.
  await cluster.kubectl(
    "patch",
    "lease",
    "leader",
    "-n",
    NAMESPACE,
    "--type=merge",
    "-p",
    '{"spec":{"holderIdentity":"thief"}}',
  );
  await expect(second.run).rejects.toThrow("another process leads now: thief");
  clearInterval(watching);
  expect(Math.max(...overlaps)).toBe(1);
  tally("moments at which at most one of two processes led", overlaps.length);
});

test("events are told where kubectl describe looks, and repetitions are counted", async () => {
  const about = await client.create(configMaps, configMap("told"));
  const log = new RecordedLog();
  const recorder = new EventRecorder({ client, controller: "example.org/test", instance: "test-1", log });
  const event = { type: "Warning", reason: "DiskUnreadable", action: "Inspect", note: "web-1: Verschlüsselt" } as const;
  for (let time = 0; time < 5; time++) recorder.record(about, event);
  recorder.record(await client.get(namespaces, { name: NAMESPACE }), { ...event, reason: "OfTheCluster" });
  await recorder.flush();
  expect(log.lines).toEqual([]);
  const described = await cluster.kubectl("describe", "configmap", "told", "-n", NAMESPACE);
  expect(described).toMatch(/Warning\s+DiskUnreadable\s.*\(x4 over.*example\.org\/test\s+web-1: Verschlüsselt/);
  const found: string[] = [];
  for await (const each of client.list(events, { namespace: "default" })) found.push(each.reason ?? "");
  expect(found).toContain("OfTheCluster");
});
