import type { ServerResponse } from "node:http";
import { afterEach, expect, test } from "vitest";
import { FakeClock, settle } from "../../test/fixtures/kube/fake-clock.ts";
import { type Answer, answerJson, LoopbackServer, statusBody } from "../../test/fixtures/kube/loopback-server.ts";
import { RecordedLog } from "../../test/fixtures/kube/recorded-log.ts";
import { defaultLimits } from "../bytes/limits.ts";
import { isGone } from "./api-error.ts";
import { Informer, type InformerOptions } from "./informer.ts";
import { KubeClient } from "./kube-client.ts";
import { type Pod, pods } from "./resources.ts";

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

const pod = (name: string, resourceVersion: string, labels = {}, uid = `uid-${name}`) => ({
  metadata: { namespace: "shop", name, uid, resourceVersion, labels },
});
type PodJson = ReturnType<typeof pod>;

const event = (type: string, object: unknown) => `${JSON.stringify({ type, object })}\n`;
const bookmark = (resourceVersion: string) => event("BOOKMARK", { metadata: { resourceVersion } });

/** What the collection holds, and what each watch is told before the connection is left open. */
class Collection {
  pods: PodJson[] = [];
  resourceVersion = "100";
  /** One function a watch; when they are used up, a watch stays silent. */
  readonly watches: ((response: ServerResponse) => void)[] = [];
  readonly lists: (string | null)[] = [];
  readonly watchedFrom: (string | null)[] = [];
  pageSize = 500;

  readonly answer: Answer = ({ query }, response) => {
    if (query.get("watch") === "true") {
      this.watchedFrom.push(query.get("resourceVersion"));
      response.writeHead(200);
      response.flushHeaders();
      this.watches.shift()?.(response);
      return;
    }
    const from = query.get("continue");
    this.lists.push(from);
    const start = Number(from ?? 0);
    const items = this.pods.slice(start, start + this.pageSize);
    const end = start + items.length;
    const next = end < this.pods.length ? String(end) : undefined;
    answerJson(response, 200, { metadata: { resourceVersion: this.resourceVersion, continue: next }, items });
  };
}

async function inform(answer: Answer, options: Partial<InformerOptions<Pod>> = {}, limits = defaultLimits) {
  const server = await LoopbackServer.start(answer);
  const client = new KubeClient(server.credentials, { limits });
  const stop = new AbortController();
  cleanup.push(
    () => server.close(),
    () => stop.abort(),
  );
  const log = new RecordedLog();
  const informer = new Informer<Pod>({ client, type: pods, log, ...options });
  const changes: string[] = [];
  informer.onChange((before, now) => {
    const side = (object: typeof before) =>
      object ? `${object.metadata.name}@${object.metadata.resourceVersion}` : "-";
    changes.push(`${side(before)} ${side(now)}`);
  });
  informer.start(stop.signal);
  return { server, informer, changes, log, stop, client };
}

/** Waits for what the sockets bring; real time. */
async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn++) {
    if (turn > 2_000) expect.fail("it did not happen");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

test("lists all pages, then follows the changes and the bookmarks", async () => {
  const collection = new Collection();
  collection.pods = [pod("a", "1", { app: "x" }), pod("b", "2", { app: "x" }), pod("c", "3")];
  collection.pageSize = 2;
  collection.watches.push((response) => {
    response.write(event("ADDED", pod("d", "101")) + event("MODIFIED", pod("a", "102", { app: "y" })));
    response.end(event("DELETED", pod("b", "103")) + bookmark("120"));
  });
  const indexes = { app: (object: { metadata: Pod["metadata"] }) => [object.metadata.labels?.["app"] ?? "none"] };
  const clock = new FakeClock();
  const { informer, changes } = await inform(collection.answer, { indexes, clock });
  await informer.synced;
  await until(() => changes.length === 6);
  expect(changes).toEqual(["- a@1", "- b@2", "- c@3", "- d@101", "a@1 a@102", "b@2 -"]);
  expect(collection.lists).toEqual([null, "2"]);
  expect(informer.byIndex("app", "x")).toEqual([]);
  expect(informer.byIndex("app", "none").map(({ metadata }) => metadata.name)).toEqual(["c", "d"]);
  expect(informer.get({ namespace: "shop", name: "a" })).toMatchObject({
    kind: "Pod",
    metadata: { resourceVersion: "102" },
  });
  expect(informer.list("elsewhere")).toEqual([]);
  await until(() => clock.pendingTimers === 1);
  await clock.advance(1_000);
  await until(() => collection.watchedFrom.length === 2);
  expect(collection.watchedFrom).toEqual(["100", "120"]);
});

test.each([
  ["as an event", (response: ServerResponse) => response.end(event("ERROR", statusBody(410, "Expired")))],
  ["as another kind of event", (response: ServerResponse) => response.end(event("ERROR", statusBody(410, "Gone")))],
])("a resource version that is too old, said %s, leads to a new list that finds what is gone", async (_how, say) => {
  const collection = new Collection();
  collection.pods = [pod("stays", "1"), pod("goes", "2"), pod("again", "3"), pod("changes", "4")];
  collection.watches.push((response) => {
    collection.pods = [pod("stays", "1"), pod("again", "9", {}, "another"), pod("changes", "8"), pod("new", "7")];
    collection.resourceVersion = "200";
    say(response);
  });
  const clock = new FakeClock();
  const { informer, changes, log } = await inform(collection.answer, { clock });
  await informer.synced;
  changes.length = 0;
  await until(() => log.lines.length === 1 && clock.pendingTimers === 1);
  await clock.advance(1_000);
  await until(() => collection.watchedFrom.length === 2);
  expect(changes).toEqual(["goes@2 -", "again@3 -", "- again@9", "changes@4 changes@8", "- new@7"]);
  expect(collection.watchedFrom).toEqual(["100", "200"]);
});

test("a server that ends each watch at once, or refuses everything, is asked at growing intervals", async () => {
  const ending = new Collection();
  ending.watches.push(...Array.from({ length: 100 }, () => (response: ServerResponse) => void response.end()));
  const refusing = {
    lists: [] as unknown[],
    answer: ((_call, response) => {
      refusing.lists.push(1);
      answerJson(response, 403, statusBody(403, "Forbidden"));
    }) as Answer,
  };
  for (const [answer, asked] of [
    [ending.answer, ending.watchedFrom],
    [refusing.answer, refusing.lists],
  ] as const) {
    const clock = new FakeClock();
    await inform(answer, { clock });
    for (let second = 0; second < 120; second++) {
      await until(() => clock.pendingTimers === 1);
      await clock.advance(1_000);
    }
    expect(asked.length).toBeGreaterThan(5);
    expect(asked.length).toBeLessThan(20);
  }
  expect(ending.lists).toHaveLength(1);
});

test("a broken connection costs no new list", async () => {
  const collection = new Collection();
  collection.watches.push((response) => {
    response.write(event("ADDED", pod("a", "101")) + event("ADDED", pod("b", "102")).slice(0, 20));
    setTimeout(() => response.destroy(), 20);
  });
  collection.watches.push((response) => response.write(event("ADDED", pod("b", "102"))));
  const clock = new FakeClock();
  const { changes } = await inform(collection.answer, { clock });
  await until(() => clock.pendingTimers === 1);
  await clock.advance(1_000);
  await until(() => changes.length === 2);
  expect([collection.lists.length, collection.watchedFrom]).toEqual([1, ["100", "101"]]);
});

test("a watch that falls silent counts as dead", async () => {
  const collection = new Collection();
  const { client } = await inform(collection.answer);
  const reading = async () => {
    for await (const _event of client.watch(pods, { resourceVersion: "1", idleMs: 30 }));
  };
  await expect(reading()).rejects.toMatchObject({ reason: "Timeout", retryable: true });
});

test("410 as the status of the call is the same as in the stream", async () => {
  const { client, stop } = await inform((_call, response) => answerJson(response, 410, statusBody(410, "Expired")));
  stop.abort();
  const first = client.watch(pods, { resourceVersion: "1" })[Symbol.asyncIterator]().next();
  expect(isGone(await first.catch((error: unknown) => error))).toBe(true);
});

test("an event beyond the bound does not stop the informer: it lists again", async () => {
  const collection = new Collection();
  collection.watches.push((response) => response.write(event("ADDED", pod("a", "101", { long: "x".repeat(2_000) }))));
  const clock = new FakeClock();
  const { log } = await inform(collection.answer, { clock }, { ...defaultLimits, kubeWatchEvent: 1_000 });
  await until(() => clock.pendingTimers === 1);
  await clock.advance(1_000);
  await until(() => collection.lists.length === 2);
  expect(log.lines.map(({ fields }) => fields["reason"])).toEqual([expect.stringContaining("kubeWatchEvent")]);
});

test("keeps only what it is told to keep, and survives a listener that fails", async () => {
  const collection = new Collection();
  collection.pods = [pod("a", "1", { secret: "label" })];
  const { informer, log } = await inform(collection.answer, {
    keep: (object) => ({ ...object, metadata: { ...object.metadata, labels: {} } }),
  });
  await informer.synced;
  expect(informer.list()[0]?.metadata.labels).toEqual({});
  informer.onChange(() => {
    throw new Error("listener's own");
  });
  expect(log.lines.map(({ message }) => message)).toEqual(["Listener failed"]);
});

test("synced fails when the informer is stopped before its first list", async () => {
  const { informer, stop } = await inform(() => undefined);
  stop.abort(new Error("stopped"));
  await expect(informer.synced).rejects.toThrow("stopped");
  await settle();
});
