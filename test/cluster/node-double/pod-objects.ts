import type { V1Container, V1PodSpec } from "@kubernetes/client-node";
import type { KubernetesObject } from "../control-plane/kubernetes-api.ts";

export const PODS = "/api/v1/pods";

export interface Pod extends KubernetesObject {
  readonly metadata: KubernetesObject["metadata"] & { readonly namespace: string };
  readonly spec: V1PodSpec;
}

export type Container = V1Container;

/** Path of one pod in the API. */
export function pathOf(pod: Pod): string {
  return `/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}`;
}

/** Where and as what a pod runs. */
export interface PodIdentity {
  readonly pod: Pod;
  readonly podIp: string;
  readonly nodeName: string;
}

/** The value of a downward API field. */
export function fieldOf({ pod, podIp, nodeName }: PodIdentity, fieldPath: string): string {
  const { metadata, spec } = pod;
  const [, map, key] = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(fieldPath) ?? [];
  if (map === "labels") return metadata.labels?.[String(key)] ?? "";
  if (map === "annotations") return metadata.annotations?.[String(key)] ?? "";
  const fields: Readonly<Record<string, string>> = {
    "metadata.name": metadata.name,
    "metadata.namespace": metadata.namespace,
    "metadata.uid": metadata.uid,
    "spec.nodeName": nodeName,
    "spec.serviceAccountName": spec.serviceAccountName ?? "default",
    "status.podIP": podIp,
    "status.podIPs": podIp,
    "status.hostIP": "127.0.0.1",
  };
  const value = fields[fieldPath];
  if (value === undefined) throw new Error(`the node double does not know the field ${fieldPath}`);
  return value;
}
