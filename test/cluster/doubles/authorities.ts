/** Doubles of what signs certificates in a cluster: OpenShift's service CA and cert-manager, as far as pods see them. */
import { createSessionCertificate } from "../../../src/serve/tls/session-certificate.ts";
import type { Cluster } from "../control-plane/cluster.ts";
import type { KubernetesObject } from "../control-plane/kubernetes-api.ts";
import { type Double, startDouble } from "./double.ts";

const SERVING_CERTIFICATE = "service.beta.openshift.io/serving-cert-secret-name";

/** Answers the annotation of Services with a Secret that they own, and publishes its authority beside it. */
export function startServiceAuthorityDouble(cluster: Cluster): Double {
  return startDouble(async () => {
    for (const { metadata } of await cluster.api.list("/api/v1/services")) {
      const { name = "", namespace = "", uid } = metadata;
      const secretName = metadata.annotations?.[SERVING_CERTIFICATE];
      if (secretName === undefined || (await exists(cluster, namespace, secretName))) continue;
      const { certificateChain, privateKey, authority } = await createSessionCertificate({
        hosts: [`${name}.${namespace}.svc`, `${name}.${namespace}.svc.cluster.local`],
      });
      await cluster.api.create(`/api/v1/namespaces/${namespace}/configmaps`, {
        metadata: { name: "openshift-service-ca.crt" },
        data: { "service-ca.crt": authority },
      });
      await cluster.api.create(`/api/v1/namespaces/${namespace}/secrets`, {
        type: "kubernetes.io/tls",
        metadata: { name: secretName, ownerReferences: [{ apiVersion: "v1", kind: "Service", name, uid }] },
        stringData: { "tls.crt": certificateChain, "tls.key": privateKey },
      });
    }
  });
}

interface Certificate extends KubernetesObject {
  readonly spec: {
    readonly secretName: string;
    readonly dnsNames: string[];
    readonly issuerRef: { readonly kind: string; readonly name: string };
    readonly secretTemplate: { readonly labels: Record<string, string> };
  };
}

/** Writes the Secret of each Certificate of one ClusterIssuer, with its authority in it. */
export function startCertManagerDouble(cluster: Cluster, issuer: string): Double {
  return startDouble(async () => {
    for (const { metadata, spec } of await cluster.api.list<Certificate>("/apis/cert-manager.io/v1/certificates")) {
      const { name, namespace = "" } = metadata;
      const isOfIssuer = spec.issuerRef.kind === "ClusterIssuer" && spec.issuerRef.name === issuer;
      if (!isOfIssuer || (await exists(cluster, namespace, spec.secretName))) continue;
      const { certificateChain, privateKey, authority } = await createSessionCertificate({ hosts: spec.dnsNames });
      const annotations = { "cert-manager.io/certificate-name": name, "cert-manager.io/issuer-name": issuer };
      await cluster.api.create(`/api/v1/namespaces/${namespace}/secrets`, {
        type: "kubernetes.io/tls",
        metadata: { name: spec.secretName, annotations, labels: spec.secretTemplate.labels },
        stringData: { "tls.crt": certificateChain, "tls.key": privateKey, "ca.crt": authority },
      });
    }
  });
}

async function exists(cluster: Cluster, namespace: string, secret: string): Promise<boolean> {
  return (await cluster.api.find(`/api/v1/namespaces/${namespace}/secrets/${secret}`)) !== undefined;
}
