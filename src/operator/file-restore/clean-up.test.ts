import { expect, test } from "vitest";
import { MemoryObjects } from "../../../test/fixtures/kube/memory-objects.ts";
import type { KubeObject, ResourceType } from "../../kube/resource-type.ts";
import { configMaps, namespaces, persistentVolumeClaims, pods, secrets, services } from "../../kube/resources.ts";
import { labels } from "../api/v1alpha1/names.ts";
import { dataDownloads, veleroRestores } from "../velero/velero-resources.ts";
import { routes } from "./children/external-access.ts";
import { temporaryNamespace } from "./children/namespace.ts";
import { cleanUpResources, cleanUpRestores } from "./clean-up.ts";
import { childLabels } from "./owner.ts";

const owner = { name: "r", namespace: "adp", uid: "12345678-aaaa-bbbb-cccc-ddddeeeeffff" };

type Child = readonly [ResourceType, KubeObject];

function object(type: ResourceType, namespace: string, name: string, marks: object = childLabels(owner)): Child {
  return [type, { apiVersion: "v1", kind: type.kind, metadata: { namespace, name, labels: { ...marks } } }];
}

const ofRestore = (name: string) => ({ [labels.restoreName]: name });

test.each<[string, Child[], string[], string[]]>([
  ["none", [], [], []],
  ["one", [object(veleroRestores, "adp", "a")], ["a"], []],
  ["many", ["a", "b", "c"].map((name) => object(veleroRestores, "adp", name)), ["a", "b", "c"], []],
  ["without our label: left alone", [object(veleroRestores, "adp", "theirs", {})], [], ["adp/theirs"]],
  ["in another namespace: left alone", [object(veleroRestores, "other", "a")], [], ["other/a"]],
])("handleVeleroRestoreCleanup: %s", async (_what, children, deleted, left) => {
  const client = new MemoryObjects(...children);
  const waiting = await cleanUpRestores(client, owner, "r-ns");
  expect(waiting?.message).toBe(
    deleted.length === 0 ? undefined : `Waiting for Velero to end ${deleted.length} Restore(s)`,
  );
  expect(client.names(veleroRestores)).toEqual(left);
  expect(await cleanUpRestores(client, owner, "r-ns")).toBeUndefined();
});

test("with a Velero Restore go its PVCs, its rules, and the downloads that still run", async () => {
  const client = new MemoryObjects(
    object(veleroRestores, "adp", "a"),
    object(configMaps, "adp", "a"),
    object(persistentVolumeClaims, "r-ns", "root-a", ofRestore("a")),
    object(persistentVolumeClaims, "r-ns", "theirs", ofRestore("z")),
    [
      dataDownloads,
      {
        apiVersion: "velero.io/v2alpha1",
        kind: "DataDownload",
        metadata: { namespace: "adp", name: "dd", labels: ofRestore("a") },
        spec: { targetVolume: { pvc: "root-a", namespace: "r-ns" } },
        status: { phase: "InProgress" },
      } as KubeObject,
    ],
  );
  await cleanUpRestores(client, owner, "r-ns");
  expect(client.names(persistentVolumeClaims)).toEqual(["r-ns/theirs"]);
  expect(client.names(configMaps)).toEqual([]);
  expect((await client.find(dataDownloads, { namespace: "adp", name: "dd" }))?.spec.cancel).toBe(true);
});

test("handleResourceCleanup: no namespace, nothing to do", async () => {
  expect(await cleanUpResources(new MemoryObjects(), owner, undefined, [])).toBeUndefined();
  expect(await cleanUpResources(new MemoryObjects(), owner, "gone", [])).toBeUndefined();
});

test("handleResourceCleanup: the temporary namespace is deleted and waited for, also where no status names it (D25, D27)", async () => {
  const client = new MemoryObjects([namespaces, temporaryNamespace(owner)]);
  const waiting = await cleanUpResources(client, owner, undefined, []);
  expect(waiting).toMatchObject({ reason: "DeletingNamespace", message: expect.stringContaining("'r-12345678'") });
  expect(client.names(namespaces)).toEqual([]);
});

test("handleResourceCleanup: of a user's namespace only what is ours goes, many Routes among it; the rest and the namespace stay", async () => {
  const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "team" } };
  const own = [pods, services, configMaps, secrets].map((type) => object(type, "team", "ours"));
  const foreign = [pods, services, configMaps, secrets, routes].map((type) => object(type, "team", "theirs", {}));
  const client = new MemoryObjects(
    [namespaces, namespace],
    ...own,
    ...foreign,
    ...["one", "two", "three"].map((name) => object(routes, "team", name)),
    object(persistentVolumeClaims, "team", "root-a", ofRestore("a")),
    object(persistentVolumeClaims, "team", "database", ofRestore("their-restore")),
  );
  const waiting = await cleanUpResources(client, owner, "team", ["a"]);
  expect(waiting?.message).toContain("persistentvolumeclaims/root-a");
  for (const type of [pods, services, configMaps, secrets, routes]) {
    expect(client.names(type)).toEqual(["team/theirs"]);
  }
  expect(client.names(persistentVolumeClaims)).toEqual(["team/database"]);
  expect(client.names(namespaces)).toEqual(["team"]);
  expect(await cleanUpResources(client, owner, "team", ["a"])).toBeUndefined();
});
