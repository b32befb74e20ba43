import type { KubeObject } from "../../../kube/resource-type.ts";
import type { Namespace } from "../../../kube/resources.ts";
import { annotations, labels, labelValues } from "../../api/v1alpha1/names.ts";
import { childNames } from "../child-names.ts";
import { childLabels, isChildOf, originAnnotations, type RestoreOwner } from "../owner.ts";

/**
 * Everything of one file restore lives in it and goes with it. The API server itself refuses any pod there that
 * asks for more than Pod Security "restricted" grants. No owner reference: an object of the cluster cannot be
 * owned by one in a namespace, so the finalizer deletes it.
 */
export function temporaryNamespace(owner: RestoreOwner, prefix?: string): Namespace {
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: {
      name: childNames.temporaryNamespace(owner, prefix),
      labels: {
        ...childLabels(owner),
        [labels.temporaryNamespace]: labelValues.true,
        "pod-security.kubernetes.io/enforce": "restricted",
        "pod-security.kubernetes.io/audit": "restricted",
        "pod-security.kubernetes.io/warn": "restricted",
      },
      annotations: { ...originAnnotations(owner), [annotations.originUid]: owner.uid },
    },
  };
}

/**
 * Labels are no proof enough to delete somebody's namespace: anybody can put them on one that exists. Its name is as
 * it was given at its creation, and ends in the restore's UID, which nobody knows before. The existing implementation
 * writes the UID into an owner reference, we into an annotation.
 */
export function isTemporaryNamespaceOf({ metadata }: Pick<KubeObject, "metadata">, owner: RestoreOwner): boolean {
  const isLabelled =
    isChildOf({ metadata }, owner) &&
    metadata.labels?.[labels.managedBy] === labelValues.managedBy &&
    metadata.labels?.[labels.temporaryNamespace] === labelValues.true;
  const isRecorded =
    metadata.annotations?.[annotations.originUid] === owner.uid ||
    (metadata.ownerReferences?.some(({ uid }) => uid === owner.uid) ?? false);
  return isLabelled && isRecorded && childNames.isOfTemporaryNamespace(owner, metadata.name ?? "");
}
