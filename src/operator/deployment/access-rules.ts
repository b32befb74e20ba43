/**
 * What the operator may do: reading for discovery, and apart from it what a file restore takes. Velero's objects and
 * the custom resources are all in one namespace, so the rights to them end there. Temporary namespaces have names that
 * nobody knows beforehand, so the rights to what is in them cannot.
 */
import type {
  ClusterRoleBinding as ClusterRoleBindingFields,
  ClusterRole as ClusterRoleFields,
  PolicyRule,
  Role as RoleFields,
} from "kubernetes-types/rbac/v1.js";
import type { Complete } from "../../kube/resource-type.ts";
import type { RoleBinding } from "../../kube/resources.ts";
import { API_GROUP } from "../api/v1alpha1/names.ts";
import { type Installation, installed, SERVICE_ACCOUNT } from "./installation.ts";

type ClusterRole = Complete<ClusterRoleFields>;
type ClusterRoleBinding = Complete<ClusterRoleBindingFields>;
type Role = Complete<RoleFields>;

const RBAC = "rbac.authorization.k8s.io";
const READ = ["get", "list", "watch"];
const DISCOVERIES = "virtualmachinebackupsdiscoveries";
const RESTORES = "virtualmachinefilerestores";

function rule(group: string, resources: readonly string[], verbs: readonly string[]): PolicyRule {
  return { apiGroups: [group], resources: [...resources], verbs: [...verbs] };
}

const discoveryRules: PolicyRule[] = [
  rule(API_GROUP, [DISCOVERIES], READ),
  rule(API_GROUP, [`${DISCOVERIES}/status`], ["update"]),
  rule("velero.io", ["backups"], READ),
  rule("velero.io", ["backupstoragelocations"], ["get"]),
  rule("velero.io", ["downloadrequests"], ["create", "get", "delete"]),
  // Velero's own credentials of the bucket.
  rule("", ["secrets"], ["get"]),
  rule("events.k8s.io", ["events"], ["create", "patch"]),
];

const fileRestoreRules: PolicyRule[] = [
  // Patched for finalizers, deleted when it expires.
  rule(API_GROUP, [RESTORES], [...READ, "patch", "delete"]),
  rule(API_GROUP, [`${RESTORES}/status`], ["update"]),
  rule(API_GROUP, [`${RESTORES}/finalizers`], ["update"]),
  rule(API_GROUP, [DISCOVERIES], READ),
  rule(API_GROUP, ["dataprotectionapplications"], ["get", "list"]),
  rule("velero.io", ["restores"], [...READ, "create", "delete"]),
  rule("velero.io", ["datadownloads"], [...READ, "patch"]),
];

/** In the namespaces of restores. */
const servingRules: PolicyRule[] = [
  rule("", ["namespaces"], [...READ, "create", "delete"]),
  rule("", ["pods"], [...READ, "create", "delete"]),
  // Velero makes them.
  rule("", ["persistentvolumeclaims"], [...READ, "delete"]),
  rule("", ["secrets", "configmaps", "services", "serviceaccounts"], ["get", "list", "create", "patch", "delete"]),
  rule("networking.k8s.io", ["networkpolicies", "ingresses"], ["get", "list", "create", "patch", "delete"]),
  rule(
    "gateway.networking.k8s.io",
    ["httproutes", "tlsroutes", "backendtlspolicies"],
    ["get", "list", "create", "patch", "delete"],
  ),
  // Velero restores them from CSI snapshots and leaves them.
  rule("snapshot.storage.k8s.io", ["volumesnapshots", "volumesnapshotcontents"], ["list", "delete"]),
  rule("cert-manager.io", ["certificates"], ["get", "list", "create", "patch", "delete"]),
  rule("route.openshift.io", ["routes"], [...READ, "create", "patch", "delete"]),
  rule(RBAC, ["rolebindings"], ["get", "list", "create", "patch", "delete"]),
  // On OpenShift: to let the pod run as KubeVirt's user, which Pod Security "restricted" allows too.
  { ...rule(RBAC, ["clusterroles"], ["bind"]), resourceNames: ["system:openshift:scc:nonroot-v2"] },
];

const electionRules: PolicyRule[] = [rule("coordination.k8s.io", ["leases"], ["get", "create", "update"])];

const reviewRules: PolicyRule[] = [
  rule("authentication.k8s.io", ["tokenreviews"], ["create"]),
  rule("authorization.k8s.io", ["subjectaccessreviews"], ["create"]),
];

/** Roles in OADP's namespace and cluster roles, each with its binding to the operator. */
export function operatorAccess({ namespace }: Installation) {
  const subjects = [{ kind: "ServiceAccount", name: SERVICE_ACCOUNT, namespace }];
  const role = (name: string, rules: PolicyRule[]): (Role | RoleBinding)[] => [
    { apiVersion: `${RBAC}/v1`, kind: "Role", metadata: installed(name, namespace), rules },
    {
      apiVersion: `${RBAC}/v1`,
      kind: "RoleBinding",
      metadata: installed(name, namespace),
      roleRef: { apiGroup: RBAC, kind: "Role", name: installed(name).name },
      subjects,
    },
  ];
  const clusterRole = (name: string, rules: PolicyRule[]): (ClusterRole | ClusterRoleBinding)[] => [
    { apiVersion: `${RBAC}/v1`, kind: "ClusterRole", metadata: installed(name), rules },
    {
      apiVersion: `${RBAC}/v1`,
      kind: "ClusterRoleBinding",
      metadata: installed(name),
      roleRef: { apiGroup: RBAC, kind: "ClusterRole", name: installed(name).name },
      subjects,
    },
  ];
  return [
    ...role("discovery", discoveryRules),
    ...role("file-restore", fileRestoreRules),
    ...role("leader-election", electionRules),
    ...clusterRole("file-serving", servingRules),
    ...clusterRole("metrics-auth", reviewRules),
  ];
}

/** For people: joined to the cluster's own admin, edit and view roles; and the right to read metrics. */
export function userRoles(): ClusterRole[] {
  const resources = [DISCOVERIES, RESTORES];
  const aggregated = (role: "admin" | "edit" | "view", verbs: readonly string[]): ClusterRole => ({
    apiVersion: `${RBAC}/v1`,
    kind: "ClusterRole",
    metadata: installed(role, undefined, { [`rbac.authorization.k8s.io/aggregate-to-${role}`]: "true" }),
    rules: [
      rule(API_GROUP, resources, verbs),
      rule(
        API_GROUP,
        resources.map((resource) => `${resource}/status`),
        ["get"],
      ),
    ],
  });
  const write = [...READ, "create", "update", "patch", "delete", "deletecollection"];
  return [
    aggregated("admin", write),
    aggregated("edit", write),
    aggregated("view", READ),
    {
      apiVersion: `${RBAC}/v1`,
      kind: "ClusterRole",
      metadata: installed("metrics-reader"),
      rules: [{ nonResourceURLs: ["/metrics"], verbs: ["get"] }],
    },
  ];
}
