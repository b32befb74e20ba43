import { expect, test } from "vitest";
import type { PvcRestore } from "../api/v1alpha1/pvc-restore.ts";
import { applyObstacles, locationsOf } from "./bucket-step.ts";

const entry = (veleroBackupName: string, storageLocation: string, more: object = {}) => ({
  veleroBackupName,
  veleroBackupNamespace: "adp",
  storageLocation,
  dataPath: "Direct" as const,
  state: "processing",
  ...more,
});
const plan = (...restores: PvcRestore["restores"] & object): PvcRestore[] => [
  { pvcName: "root", pvcUID: "1", pvcNamespace: "guests", restores },
];
const access = (obstacles: Record<string, string>) => ({ stores: [], obstacles: new Map(Object.entries(obstacles)) });

test("a location that cannot be read fails its own disks until it can", () => {
  const planned = plan(entry("monday", "east"), entry("tuesday", "west"));
  const failed = applyObstacles(planned, access({ west: "its Secret holds no access key" }));
  expect(failed[0]?.restores).toMatchObject([
    { state: "processing" },
    { state: "failed", failureReason: "StorageLocationNotReadable: its Secret holds no access key" },
  ]);
  expect(locationsOf(failed)).toEqual(["east", "west"]);
  expect(applyObstacles(failed, access({}))).toEqual(planned);
});

test("only locations from which something is read are asked for credentials", () => {
  const nowhere = { state: "failed", failureReason: "Not in the bucket: it is in a CSI snapshot" };
  const restored = { dataPath: "Restore" as const };
  const planned = plan(entry("a", "east"), entry("b", "west", restored), entry("c", "north", nowhere));
  expect(locationsOf(planned)).toEqual(["east"]);
  expect(applyObstacles(planned, access({ west: "no", north: "no" }))).toEqual(planned);
});
