import type { Namespace } from "../../../kube/resources.ts";
import { labels, labelValues } from "../../api/v1alpha1/names.ts";
import { childNames } from "../child-names.ts";
import { childLabels, originAnnotations, type RestoreOwner } from "../owner.ts";

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
      annotations: originAnnotations(owner),
    },
  };
}
