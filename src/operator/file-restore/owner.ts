/** The file restore that a child object is made for, and what marks the child as its own. */
import type { KubeObject } from "../../kube/resource-type.ts";
import { annotations, labels, labelValues } from "../api/v1alpha1/names.ts";

export interface RestoreOwner {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
}

/** On everything that is made for a file restore, Velero's objects excepted. */
export function childLabels(owner: RestoreOwner): Record<string, string> {
  return { [labels.originUid]: owner.uid, [labels.managedBy]: labelValues.managedBy };
}

/** On the pod and what leads to it; the Service selects by the first two. */
export function servingLabels(owner: RestoreOwner): Record<string, string> {
  return { ...childLabels(owner), [labels.app]: labelValues.app };
}

/** From a child back to its file restore. */
export function originAnnotations(owner: RestoreOwner): Record<string, string> {
  return { [annotations.originName]: owner.name, [annotations.originNamespace]: owner.namespace };
}

export function childSelector(owner: RestoreOwner): string {
  return `${labels.originUid}=${owner.uid}`;
}

/** True for an object that was made for exactly this file restore, not for an earlier one of the same name. */
export function isChildOf(object: Pick<KubeObject, "metadata">, owner: RestoreOwner): boolean {
  return object.metadata.labels?.[labels.originUid] === owner.uid;
}

/** Undefined when the object is none of ours. */
export function originOf(object: Pick<KubeObject, "metadata">): { namespace: string; name: string } | undefined {
  const { labels: marks, annotations: notes } = object.metadata;
  const name = notes?.[annotations.originName];
  const namespace = notes?.[annotations.originNamespace];
  if (marks?.[labels.originUid] === undefined || name === undefined || namespace === undefined) return undefined;
  return { namespace, name };
}
