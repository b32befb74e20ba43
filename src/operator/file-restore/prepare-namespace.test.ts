import { expect, test } from "vitest";
import { MemoryObjects } from "../../../test/fixtures/kube/memory-objects.ts";
import type { KubeObject } from "../../kube/resource-type.ts";
import { namespaces } from "../../kube/resources.ts";
import type {
  VirtualMachineFileRestore,
  VirtualMachineFileRestoreSpec,
} from "../api/v1alpha1/virtual-machine-file-restore.ts";
import { temporaryNamespace } from "./children/namespace.ts";
import { prepareNamespace } from "./prepare-namespace.ts";

const owner = { name: "r", namespace: "adp", uid: "12345678-aaaa-bbbb-cccc-ddddeeeeffff" };
const ours = temporaryNamespace(owner);

function restore(
  spec: Partial<VirtualMachineFileRestoreSpec> = {},
  status?: VirtualMachineFileRestore["status"],
): VirtualMachineFileRestore {
  return {
    apiVersion: "oadp.openshift.io/v1alpha1",
    kind: "VirtualMachineFileRestore",
    metadata: owner,
    spec: { backupsDiscoveryRef: "d", ...spec },
    ...(status && { status }),
  };
}

const named = (name: string, more: object = {}) =>
  [namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name, ...more } } as KubeObject] as const;

test("an existing namespace is used as it is", async () => {
  const client = new MemoryObjects(named("team"));
  expect(await prepareNamespace(client, owner, restore({ restoreNamespace: "team" }))).toMatchObject({ name: "team" });
  expect(client.names(namespaces)).toEqual(["team"]);
});

test("a namespace that is missing ends the restore, and is not made", async () => {
  const client = new MemoryObjects();
  await expect(prepareNamespace(client, owner, restore({ restoreNamespace: "team" }))).rejects.toMatchObject({
    reason: "NamespaceCreationFailed",
    message: expect.stringContaining("'team' does not exist"),
  });
  expect(client.names(namespaces)).toEqual([]);
});

test("without one a temporary namespace is made, once, with its labels and no owner reference (D25)", async () => {
  const client = new MemoryObjects();
  for (let attempt = 0; attempt < 2; attempt++) {
    expect(await prepareNamespace(client, owner, restore())).toEqual({ kind: "ready", name: "r-12345678" });
  }
  expect(client.names(namespaces)).toEqual(["r-12345678"]);
  const made = await client.find(namespaces, { name: "r-12345678" });
  expect(made?.metadata.labels).toMatchObject({
    "oadp.openshift.io/vmfr-origin-uuid": owner.uid,
    "oadp.openshift.io/vmfr-temp-namespace": "true",
    "app.kubernetes.io/managed-by": "oadp-vm-file-restore-controller",
  });
  expect(made?.metadata).not.toHaveProperty("ownerReferences");
});

test("one that is recorded in the status is used on, under whichever name it was made", async () => {
  const name = "guests-web-1-12345678";
  const client = new MemoryObjects([namespaces, { ...ours, metadata: { ...ours.metadata, name } }]);
  const found = await prepareNamespace(client, owner, restore({}, { createdNamespace: name }));
  expect(found).toEqual({ kind: "ready", name });
});

test.each<[string, readonly [typeof namespaces, KubeObject], object]>([
  ["somebody else's of that name is left alone", named("r-12345678"), { reason: "NameTaken" }],
  [
    "one that was only labelled so is left alone (D26)",
    named("r-12345678", { labels: ours.metadata.labels }),
    { reason: "NameTaken" },
  ],
])("%s", async (_what, found, failure) => {
  await expect(prepareNamespace(new MemoryObjects(found), owner, restore())).rejects.toMatchObject(failure);
});

test("one that is going is waited for", async () => {
  const metadata = { ...ours.metadata, deletionTimestamp: "2026-11-20T10:00:00Z" as never };
  const client = new MemoryObjects([namespaces, { ...ours, metadata }]);
  expect(await prepareNamespace(client, owner, restore())).toMatchObject({ reason: "NamespaceTerminating" });
});
