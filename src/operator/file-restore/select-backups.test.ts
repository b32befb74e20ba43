import { expect, test } from "vitest";
import type { VirtualMachineBackupsDiscovery } from "../api/v1alpha1/virtual-machine-backups-discovery.ts";
import type { VirtualMachineFileRestore } from "../api/v1alpha1/virtual-machine-file-restore.ts";
import { selectBackups } from "./select-backups.ts";
import { StepFailure } from "./step.ts";

const restore = (selectedBackups?: string[]): VirtualMachineFileRestore => ({
  apiVersion: "oadp.openshift.io/v1alpha1",
  kind: "VirtualMachineFileRestore",
  metadata: { name: "r", namespace: "adp" },
  spec: { backupsDiscoveryRef: "d", ...(selectedBackups && { selectedBackups }) },
});

function discovery(status: VirtualMachineBackupsDiscovery["status"], generation = 1): VirtualMachineBackupsDiscovery {
  return {
    apiVersion: "oadp.openshift.io/v1alpha1",
    kind: "VirtualMachineBackupsDiscovery",
    metadata: { name: "d", namespace: "adp", generation },
    spec: { virtualMachineName: "web-1", virtualMachineNamespace: "guests" },
    ...(status && { status }),
  };
}

const backup = (name: string, createdAt: string) => ({ name, namespace: "adp", createdAt });
const valid = [
  backup("old", "2026-11-01T00:00:00Z"),
  backup("new", "2026-11-03T00:00:00Z"),
  backup("middle", "2026-11-02T00:00:00Z"),
];

test.each([
  ["created in the same second (D13)", undefined],
  ["accepted", { phase: "New" as const }],
  ["running", { phase: "InProgress" as const }],
  ["of an older spec", { phase: "Completed" as const, observedGeneration: 0, validBackups: valid }],
])("a discovery that is %s is waited for", (_what, status) => {
  expect(selectBackups(restore(), discovery(status))).toMatchObject({ kind: "waiting", reason: "WaitingForDiscovery" });
});

test("no selection means every valid backup, newest first", () => {
  const found = selectBackups(restore(), discovery({ phase: "Completed", observedGeneration: 1, validBackups: valid }));
  expect(found).toMatchObject({
    kind: "selected",
    vm: { namespace: "guests", name: "web-1" },
    backups: [{ name: "new" }, { name: "middle" }, { name: "old" }],
  });
});

test("a selection is taken once each, and from partially failed discoveries too", () => {
  const found = selectBackups(
    restore(["old", "new", "old"]),
    discovery({ phase: "PartiallyFailed", validBackups: valid }),
  );
  expect(found).toMatchObject({ backups: [{ name: "new" }, { name: "old" }] });
});

test.each([
  ["no discovery", undefined, undefined, "DiscoveryNotFound", "'d' not found in namespace 'adp'"],
  ["a failed one", { phase: "Failed" as const }, undefined, "DiscoveryFailed", "failed"],
  ["nothing valid", { phase: "Completed" as const, validBackups: [] }, undefined, "NoValidBackups", "no valid backups"],
  [
    "unknown names",
    { phase: "Completed" as const, validBackups: valid },
    ["new", "a", "b"],
    "InvalidSelectedBackups",
    "[a b]",
  ],
])("%s is a failure with its reason", (what, status, selection, reason, text) => {
  const found = what === "no discovery" ? undefined : discovery(status);
  let failure: unknown;
  try {
    selectBackups(restore(selection), found);
  } catch (error) {
    failure = error;
  }
  expect(failure).toBeInstanceOf(StepFailure);
  expect(failure).toMatchObject({ reason, message: expect.stringContaining(text) });
});
