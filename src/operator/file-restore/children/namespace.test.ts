import { expect, test } from "vitest";
import { annotations, labels } from "../../api/v1alpha1/names.ts";
import { isTemporaryNamespaceOf, temporaryNamespace } from "./namespace.ts";

const uid = "0a1b2c3d-0000-4000-8000-000000000000";
const owner = { name: "web-1", namespace: "adp", uid };
const ours = temporaryNamespace(owner, "team").metadata;

test("what was made for a file restore is known again", () => {
  expect(isTemporaryNamespaceOf({ metadata: ours }, owner)).toBe(true);
});

test("so is what the existing implementation made for it", () => {
  const metadata = {
    name: "guests-web-1-0a1b2c3d",
    labels: ours.labels ?? {},
    ownerReferences: [
      { apiVersion: "oadp.openshift.io/v1alpha1", kind: "VirtualMachineFileRestore", name: "web-1", uid },
    ],
  };
  expect(isTemporaryNamespaceOf({ metadata }, owner)).toBe(true);
});

test.each([
  ["of another name, with all of our labels and annotations", { ...ours, name: "production" }],
  ["with our labels, but without the record of its creation", { ...ours, annotations: {} }],
  ["of another file restore", { ...ours, annotations: { ...ours.annotations, [annotations.originUid]: "else" } }],
  ["without the label of temporary ones", { ...ours, labels: { ...ours.labels, [labels.temporaryNamespace]: "no" } }],
  ["labelled for another file restore", { ...ours, labels: { ...ours.labels, [labels.originUid]: "else" } }],
])("a namespace %s is foreign (D26)", (_, metadata) => {
  expect(isTemporaryNamespaceOf({ metadata }, owner)).toBe(false);
});
