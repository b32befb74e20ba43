/** How the web browser reaches the files from outside of the cluster. SSH is never exposed. */

import type { KubeObject, ResourceType } from "../../../kube/resource-type.ts";
import type { ConfigMap, GatewayRoute, Ingress } from "../../../kube/resources.ts";
import { podPorts } from "../../file-serving/pod-layout.ts";
import { childNames } from "../child-names.ts";
import { originAnnotations, type RestoreOwner, servingLabels } from "../owner.ts";
import { serviceHost } from "./service.ts";

/** The parts of an OpenShift Route that are written or read here. */
export interface Route extends KubeObject {
  spec: {
    host?: string;
    subdomain?: string;
    to: { kind: "Service"; name: string };
    port: { targetPort: string };
    tls: { termination: "reencrypt"; insecureEdgeTerminationPolicy: "Redirect"; destinationCACertificate?: string };
    wildcardPolicy: "None";
  };
  status?: { ingress?: readonly { host?: string; conditions?: readonly { type: string; status: string }[] }[] };
}

export const routes: ResourceType<Route> = {
  group: "route.openshift.io",
  version: "v1",
  kind: "Route",
  plural: "routes",
  namespaced: true,
};

/** OpenShift's own authority for Services, which also means its security context constraints. */
export const serviceAuthorities: ResourceType = {
  group: "operator.openshift.io",
  version: "v1",
  kind: "ServiceCA",
  plural: "servicecas",
  namespaced: false,
};

/** @param authority PEM that the router is to trust; absent where it knows the cluster's own */
export function route(owner: RestoreOwner, namespace: string, authority: string | undefined): Route {
  return {
    apiVersion: "route.openshift.io/v1",
    kind: "Route",
    metadata: metadata(owner, namespace),
    spec: {
      // One label below the cluster's domain: its wildcard certificate covers no more. The namespace makes it unique.
      subdomain: childNames.externalHost(owner, namespace),
      to: { kind: "Service", name: childNames.service(owner) },
      port: { targetPort: "https" },
      tls: {
        termination: "reencrypt",
        insecureEdgeTerminationPolicy: "Redirect",
        ...(authority !== undefined && { destinationCACertificate: authority }),
      },
      wildcardPolicy: "None",
    },
  };
}

/** Undefined while no router has admitted it. */
export function routeHost({ status }: Route): string | undefined {
  const isAdmitted = (conditions: readonly { type: string; status: string }[] = []) =>
    !conditions.some((condition) => condition.type === "Admitted" && condition.status === "False");
  return status?.ingress?.find(({ host = "", conditions }) => host !== "" && isAdmitted(conditions))?.host;
}

export interface OutsideHost {
  /** Full name under which the cluster's ingress or gateway is reached. */
  readonly host: string;
}

/** For controllers that speak TLS to the Service; the annotation is ingress-nginx's. */
export function ingress(
  owner: RestoreOwner,
  namespace: string,
  { host, className }: OutsideHost & { readonly className?: string },
): Ingress {
  const backend = { service: { name: childNames.service(owner), port: { number: podPorts.https } } };
  const { annotations, ...rest } = metadata(owner, namespace);
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { ...rest, annotations: { ...annotations, "nginx.ingress.kubernetes.io/backend-protocol": "HTTPS" } },
    spec: {
      ...(className !== undefined && { ingressClassName: className }),
      tls: [{ hosts: [host] }],
      rules: [{ host, http: { paths: [{ path: "/", pathType: "Prefix", backend }] } }],
    },
  };
}

export interface GatewayReference {
  readonly name: string;
  readonly namespace: string;
}

const GATEWAY_API = "gateway.networking.k8s.io";

/** TLSRoutes as clusters serve them, the newest first. */
export const tlsRoutes = ["v1", "v1alpha3", "v1alpha2"].map((version) => gatewayType(version, "TLSRoute", "tlsroutes"));

/** How a gateway is to speak to a Service, as clusters serve it, the newest first. */
export const backendTlsPolicies = ["v1", "v1alpha3"].map((version) =>
  gatewayType<BackendTlsPolicy>(version, "BackendTLSPolicy", "backendtlspolicies"),
);

export interface BackendTlsPolicy extends KubeObject {
  spec: {
    targetRefs: readonly { group: string; kind: string; name: string }[];
    validation: {
      hostname: string;
      caCertificateRefs?: readonly { group: string; kind: string; name: string }[];
      wellKnownCACertificates?: "System";
    };
  };
}

function gatewayType<T extends KubeObject = GatewayRoute>(
  version: string,
  kind: string,
  plural: string,
): ResourceType<T> {
  return { group: GATEWAY_API, version, kind, plural, namespaced: true };
}

/** @param type of HTTPRoutes, for which the gateway ends TLS, or of TLSRoutes, which it hands through */
export function gatewayRoute(
  owner: RestoreOwner,
  namespace: string,
  {
    type,
    host,
    gateway,
  }: OutsideHost & { readonly type: ResourceType<GatewayRoute>; readonly gateway: GatewayReference },
): GatewayRoute {
  return {
    apiVersion: `${GATEWAY_API}/${type.version}`,
    kind: type.kind,
    metadata: metadata(owner, namespace),
    spec: {
      parentRefs: [{ name: gateway.name, namespace: gateway.namespace }],
      hostnames: [host],
      rules: [{ backendRefs: [{ name: childNames.service(owner), port: podPorts.https }] }],
    },
  };
}

/** The pod speaks TLS alone, which a gateway that ends TLS has to be told. */
export function backendTlsPolicy(
  owner: RestoreOwner,
  namespace: string,
  { version, hasAuthority }: { readonly version: string; readonly hasAuthority: boolean },
): BackendTlsPolicy {
  const authority = { group: "", kind: "ConfigMap", name: childNames.certificate(owner) };
  return {
    apiVersion: `${GATEWAY_API}/${version}`,
    kind: "BackendTLSPolicy",
    metadata: metadata(owner, namespace),
    spec: {
      targetRefs: [{ group: "", kind: "Service", name: childNames.service(owner) }],
      validation: {
        hostname: serviceHost(owner, namespace),
        ...(hasAuthority ? { caCertificateRefs: [authority] } : { wellKnownCACertificates: "System" as const }),
      },
    },
  };
}

/** For the policy above. */
export function authorityConfigMap(owner: RestoreOwner, namespace: string, authority: string): ConfigMap {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { ...metadata(owner, namespace), name: childNames.certificate(owner) },
    data: { "ca.crt": authority },
  };
}

/** A name below `domain` for clusters in which the operator was told one. */
export function outsideHost(owner: RestoreOwner, namespace: string, domain: string): string {
  return `${childNames.externalHost(owner, namespace)}.${domain}`;
}

function metadata(owner: RestoreOwner, namespace: string) {
  return {
    name: childNames.externalAccess(owner),
    namespace,
    labels: servingLabels(owner),
    annotations: originAnnotations(owner),
  };
}
