/** How the web browser reaches the files from outside of the cluster. SSH is never exposed. */

import type { KubeObject, ResourceType } from "../../../kube/resource-type.ts";
import type { HttpRoute, Ingress } from "../../../kube/resources.ts";
import { podPorts } from "../../file-serving/pod-layout.ts";
import { childNames } from "../child-names.ts";
import { originAnnotations, type RestoreOwner, servingLabels } from "../owner.ts";

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

/** Undefined while the router has not given it one. */
export function routeHost({ spec, status }: Route): string | undefined {
  return spec.host ?? status?.ingress?.find(({ host }) => host !== undefined && host !== "")?.host;
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

export function httpRoute(
  owner: RestoreOwner,
  namespace: string,
  { host, gateway }: OutsideHost & { readonly gateway: GatewayReference },
): HttpRoute {
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: metadata(owner, namespace),
    spec: {
      parentRefs: [gateway],
      hostnames: [host],
      rules: [{ backendRefs: [{ name: childNames.service(owner), port: podPorts.https }] }],
    },
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
