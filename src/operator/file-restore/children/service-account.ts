import type { RoleBinding, ServiceAccount } from "../../../kube/resources.ts";
import { childNames } from "../child-names.ts";
import { childLabels, type RestoreOwner } from "../owner.ts";

/** Has no rights and no token: the pod talks to nobody. */
export function serviceAccount(owner: RestoreOwner, namespace: string): ServiceAccount {
  return {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: childNames.serviceAccount(owner), namespace, labels: childLabels(owner) },
    automountServiceAccountToken: false,
  };
}

/**
 * On OpenShift: lets the pod choose its user, for a disk image belongs to KubeVirt's. `nonroot-v2` grants nothing
 * that Pod Security "restricted" forbids.
 */
export function nonRootBinding(owner: RestoreOwner, namespace: string): RoleBinding {
  const name = childNames.serviceAccount(owner);
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: { name, namespace, labels: childLabels(owner) },
    roleRef: {
      apiGroup: "rbac.authorization.k8s.io",
      kind: "ClusterRole",
      name: "system:openshift:scc:nonroot-v2",
    },
    subjects: [{ kind: "ServiceAccount", name, namespace }],
  };
}
