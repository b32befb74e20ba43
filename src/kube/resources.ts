/** The resources of Kubernetes itself that vmfr reads or writes. */
import type { TokenReview as TokenReviewFields } from "kubernetes-types/authentication/v1.js";
import type { SubjectAccessReview as SubjectAccessReviewFields } from "kubernetes-types/authorization/v1.js";
import type { Lease as LeaseFields } from "kubernetes-types/coordination/v1.js";
import type {
  ConfigMap as ConfigMapFields,
  Namespace as NamespaceFields,
  PersistentVolumeClaim as PersistentVolumeClaimFields,
  Pod as PodFields,
  Secret as SecretFields,
  ServiceAccount as ServiceAccountFields,
  Service as ServiceFields,
} from "kubernetes-types/core/v1.js";
import type { Event as EventFields } from "kubernetes-types/events/v1.js";
import type { Ingress as IngressFields, NetworkPolicy as NetworkPolicyFields } from "kubernetes-types/networking/v1.js";
import type { RoleBinding as RoleBindingFields } from "kubernetes-types/rbac/v1.js";
import type { Complete, KubeObject, ResourceType } from "./resource-type.ts";

export type ConfigMap = Complete<ConfigMapFields>;
export type Event = Complete<EventFields>;
export type Ingress = Complete<IngressFields>;
export type Lease = Complete<LeaseFields>;
export type Namespace = Complete<NamespaceFields>;
export type NetworkPolicy = Complete<NetworkPolicyFields>;
export type PersistentVolumeClaim = Complete<PersistentVolumeClaimFields>;
export type Pod = Complete<PodFields>;
export type RoleBinding = Complete<RoleBindingFields>;
export type Secret = Complete<SecretFields>;
export type Service = Complete<ServiceFields>;
export type ServiceAccount = Complete<ServiceAccountFields>;
export type SubjectAccessReview = Complete<SubjectAccessReviewFields>;
export type TokenReview = Complete<TokenReviewFields>;

/** The parts of a Gateway API HTTPRoute or TLSRoute that vmfr writes. */
export interface GatewayRoute extends KubeObject {
  spec: {
    parentRefs?: readonly { name: string; namespace?: string; sectionName?: string }[];
    hostnames?: readonly string[];
    rules?: readonly {
      backendRefs?: readonly { name: string; port: number }[];
    }[];
  };
}

function inNamespaces<T extends KubeObject>(apiVersion: string, kind: string, plural: string): ResourceType<T> {
  return { ...groupVersion(apiVersion), kind, plural, namespaced: true };
}

function ofCluster<T extends KubeObject>(apiVersion: string, kind: string, plural: string): ResourceType<T> {
  return { ...groupVersion(apiVersion), kind, plural, namespaced: false };
}

function groupVersion(apiVersion: string): { group: string; version: string } {
  const slash = apiVersion.indexOf("/");
  return { group: apiVersion.slice(0, Math.max(0, slash)), version: apiVersion.slice(slash + 1) };
}

const RBAC = "rbac.authorization.k8s.io/v1";
const NETWORKING = "networking.k8s.io/v1";

export const configMaps = inNamespaces<ConfigMap>("v1", "ConfigMap", "configmaps");
export const events = inNamespaces<Event>("events.k8s.io/v1", "Event", "events");
export const httpRoutes = inNamespaces<GatewayRoute>("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes");
export const ingresses = inNamespaces<Ingress>(NETWORKING, "Ingress", "ingresses");
export const leases = inNamespaces<Lease>("coordination.k8s.io/v1", "Lease", "leases");
export const namespaces = ofCluster<Namespace>("v1", "Namespace", "namespaces");
export const networkPolicies = inNamespaces<NetworkPolicy>(NETWORKING, "NetworkPolicy", "networkpolicies");
export const persistentVolumeClaims = inNamespaces<PersistentVolumeClaim>(
  "v1",
  "PersistentVolumeClaim",
  "persistentvolumeclaims",
);
export const pods = inNamespaces<Pod>("v1", "Pod", "pods");
export const roleBindings = inNamespaces<RoleBinding>(RBAC, "RoleBinding", "rolebindings");
export const secrets = inNamespaces<Secret>("v1", "Secret", "secrets");
export const serviceAccounts = inNamespaces<ServiceAccount>("v1", "ServiceAccount", "serviceaccounts");
export const services = inNamespaces<Service>("v1", "Service", "services");
export const subjectAccessReviews = ofCluster<SubjectAccessReview>(
  "authorization.k8s.io/v1",
  "SubjectAccessReview",
  "subjectaccessreviews",
);
export const tokenReviews = ofCluster<TokenReview>("authentication.k8s.io/v1", "TokenReview", "tokenreviews");
