import { expect, test } from "vitest";
import { parse } from "yaml";
import { resourceModifier, veleroRestore } from "./velero-restore.ts";

const owner = { name: "r", namespace: "adp", uid: "12345678-aaaa-bbbb-cccc-ddddeeeeffff" };
const options = {
  backup: "monday",
  vm: { namespace: "guests", name: "web-1" },
  claims: [
    { uid: "u1", name: "root" },
    { uid: "u2", name: "data.1" },
  ],
  namespace: "r-12345678",
};

test("one Velero Restore brings the VM's PVCs of a backup, and no other object, into the restore's namespace (D44)", () => {
  expect(veleroRestore(owner, options)).toMatchObject({
    metadata: {
      namespace: "adp",
      labels: { "oadp.openshift.io/vmfr-origin-uuid": owner.uid },
      annotations: { "oadp.openshift.io/backup-name": "monday", "oadp.openshift.io/vmfr-restore": "true" },
    },
    spec: {
      backupName: "monday",
      includedNamespaces: ["guests"],
      namespaceMapping: { guests: "r-12345678" },
      orLabelSelectors: [
        { matchLabels: { "velero.kubevirt.io/pvc-uid": "u1" } },
        { matchLabels: { "velero.kubevirt.io/pvc-uid": "u2" } },
      ],
    },
  });
});

test("each PVC is renamed to <pvc>-<backup>, and only a PVC of exactly that name", () => {
  const { data = {}, metadata } = resourceModifier(owner, options);
  expect(metadata.name).toBe(veleroRestore(owner, options).spec.resourceModifier?.name);
  const { resourceModifierRules: rules } = parse(data["rules.yaml"] ?? "") as {
    resourceModifierRules: { conditions: { resourceNameRegex: string }; patches: { value: string }[] }[];
  };
  expect(rules.map(({ patches }) => patches[0]?.value)).toEqual(["root-monday", "data.1-monday"]);
  const matches = (name: string) => rules.map(({ conditions }) => new RegExp(conditions.resourceNameRegex).test(name));
  expect(["root", "root-2", "data.1", "data-1"].map(matches)).toEqual([
    [true, false],
    [false, false],
    [false, true],
    [false, false],
  ]);
});
