import { expect, test } from "vitest";
import { disk, entry } from "../../../test/fixtures/operator/planned-disk.ts";
import type { Stored } from "../../kube/resource-type.ts";
import type { PersistentVolumeClaim } from "../../kube/resources.ts";
import type { PvcRestore } from "../api/v1alpha1/pvc-restore.ts";
import { parseServingPlan, type ServingPlan } from "../file-serving/serving-plan.ts";
import { buildPlan, podVolumeOf } from "./build-plan.ts";
import type { RestoredClaim } from "./restore-volumes.ts";

const vm = { namespace: "guests", name: "web-1" };

function claim(pvcName: string, backup: string, volumeMode?: string): RestoredClaim {
  const name = `${pvcName}-${backup}`;
  const stored: Stored<PersistentVolumeClaim> = {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name, uid: `uid-${name}`, resourceVersion: "1" },
    spec: volumeMode === undefined ? {} : { volumeMode },
  };
  return { pvcName, backup, claim: stored };
}

const attached = (name: string, backup: string) => ({
  name,
  volumeMode: "Block",
  path: `/dev/pvc-uid-${name}-${backup}`,
});

/** As the pod reads it. */
function planOf(pvcRestores: PvcRestore[], claims: RestoredClaim[]): ServingPlan["backups"] {
  return parseServingPlan(JSON.stringify(buildPlan({ vm, pvcRestores, claims, stores: [] }))).backups;
}

test.each<[string, PvcRestore[], RestoredClaim[], unknown]>([
  [
    "one PVC of one backup",
    [disk("root", entry("a"))],
    [claim("root", "a", "Block")],
    [{ name: "a", disks: [attached("root", "a")] }],
  ],
  [
    "several PVCs of a backup, in the VM's order",
    [disk("root", entry("a")), disk("data", entry("a"))],
    [claim("data", "a", "Block"), claim("root", "a", "Block")],
    [{ name: "a", disks: [attached("root", "a"), attached("data", "a")] }],
  ],
  [
    "one PVC of several backups: all of them",
    [disk("root", entry("b", { timestamp: "2026-11-02T00:00:00Z" }), entry("a"))],
    [claim("root", "a", "Block"), claim("root", "b", "Block")],
    [
      { name: "b", completedAt: "2026-11-02T00:00:00Z", disks: [attached("root", "b")] },
      { name: "a", disks: [attached("root", "a")] },
    ],
  ],
  [
    "several PVCs of several backups",
    [disk("root", entry("b"), entry("a")), disk("data", entry("b"), entry("a"))],
    ["root", "data"].flatMap((name) => ["a", "b"].map((backup) => claim(name, backup, "Block"))),
    ["b", "a"].map((name) => ({ name, disks: [attached("root", name), attached("data", name)] })),
  ],
  [
    "a PVC that was not restored: its reason",
    [disk("root", entry("a", { state: "failed", failureReason: "DataDownload x is Failed" }))],
    [],
    [{ name: "a", disks: [{ name: "root", unavailable: "DataDownload x is Failed" }] }],
  ],
  [
    "a backup whose PVCs are not known: its reason",
    [disk("backup-level-failure", entry("a", { state: "backup-deleted", failureReason: "BackupNotFound" }))],
    [],
    [{ name: "a", disks: [{ name: "backup", unavailable: "BackupNotFound" }] }],
  ],
])("the pod is told of %s", (_what, pvcRestores, claims, expected) => {
  expect(planOf(pvcRestores, claims)).toEqual(expected);
});

test("a PVC without a volume mode has a file system (Kubernetes' default)", () => {
  expect(podVolumeOf(claim("root", "a"))).toEqual({
    claimName: "root-a",
    claimUid: "uid-root-a",
    volumeMode: "Filesystem",
  });
});
