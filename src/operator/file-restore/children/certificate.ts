/** Certificates by authorities of the cluster: cert-manager's issuers, and OpenShift's for Services. */
import type { KubeObject, ResourceType } from "../../../kube/resource-type.ts";
import type { Secret } from "../../../kube/resources.ts";
import { childNames } from "../child-names.ts";
import { childLabels, isChildOf, originAnnotations, type RestoreOwner } from "../owner.ts";

/** The parts of a cert-manager Certificate that are written or read here (cert-manager.io/docs/reference/api-docs). */
export interface Certificate extends KubeObject {
  spec: {
    secretName: string;
    dnsNames: readonly string[];
    issuerRef: { group: string; kind: string; name: string };
    privateKey: { algorithm: "ECDSA"; size: 256 };
    usages: readonly string[];
    secretTemplate: { labels: Record<string, string> };
  };
  status?: { conditions?: readonly { type: string; status: string; message?: string }[] };
}

export const certificates: ResourceType<Certificate> = {
  group: "cert-manager.io",
  version: "v1",
  kind: "Certificate",
  plural: "certificates",
  namespaced: true,
};

/** OpenShift puts the authority of its Services' certificates into each namespace. */
export const SERVICE_AUTHORITY = { configMap: "openshift-service-ca.crt", key: "service-ca.crt" } as const;

/** On a Secret that cert-manager has written. */
const CERTIFICATE_NAME = "cert-manager.io/certificate-name";

export function certificate(
  owner: RestoreOwner,
  namespace: string,
  { issuer, hosts }: { readonly issuer: string; readonly hosts: readonly string[] },
): Certificate {
  const name = childNames.certificate(owner);
  return {
    apiVersion: "cert-manager.io/v1",
    kind: "Certificate",
    metadata: { name, namespace, labels: childLabels(owner), annotations: originAnnotations(owner) },
    spec: {
      secretName: name,
      dnsNames: hosts,
      issuerRef: { group: "cert-manager.io", kind: "ClusterIssuer", name: issuer },
      privateKey: { algorithm: "ECDSA", size: 256 },
      usages: ["digital signature", "server auth"],
      // It stays when the Certificate goes, so it has to be found by its labels.
      secretTemplate: { labels: childLabels(owner) },
    },
  };
}

export type Signer = "vmfr" | "cert-manager" | "service-ca";

/**
 * Who has made the certificate in a Secret; undefined when it was not made for this restore.
 * @param serviceUid of the Service it is for
 */
export function signerOf(
  { metadata }: Secret,
  owner: RestoreOwner,
  serviceUid: string | undefined,
): Signer | undefined {
  if (metadata.annotations?.[CERTIFICATE_NAME] === childNames.certificate(owner)) return "cert-manager";
  if (isChildOf({ metadata }, owner)) return "vmfr";
  const isOfService = metadata.ownerReferences?.some(({ kind, uid }) => kind === "Service" && uid === serviceUid);
  return isOfService === true ? "service-ca" : undefined;
}
