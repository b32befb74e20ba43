import type { Service } from "../../../kube/resources.ts";
import { annotations, labels, labelValues } from "../../api/v1alpha1/names.ts";
import { podPorts } from "../../file-serving/pod-layout.ts";
import { childNames } from "../child-names.ts";
import { originAnnotations, type RestoreOwner, servingLabels } from "../owner.ts";
import type { AccessMethods } from "./access-methods.ts";

export interface ServiceOptions {
  readonly namespace: string;
  readonly access: AccessMethods;
  /** OpenShift's service CA is to make the certificate. */
  readonly serviceCertificate: boolean;
}

export function service(owner: RestoreOwner, { namespace, access, serviceCertificate }: ServiceOptions): Service {
  const port = (name: string, number: number) => ({ name, port: number, targetPort: number, protocol: "TCP" });
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: childNames.service(owner),
      namespace,
      labels: servingLabels(owner),
      annotations: {
        ...originAnnotations(owner),
        ...(serviceCertificate && access.web && { [annotations.servingCertificate]: childNames.certificate(owner) }),
      },
    },
    spec: {
      type: "ClusterIP",
      selector: { [labels.originUid]: owner.uid, [labels.app]: labelValues.app },
      ports: [
        ...(access.ssh ? [port("ssh", podPorts.ssh)] : []),
        ...(access.web ? [port("https", podPorts.https)] : []),
      ],
    },
  };
}

/** Name of the Service within the cluster. */
export function serviceHost(owner: RestoreOwner, namespace: string): string {
  return `${childNames.service(owner)}.${namespace}.svc.cluster.local`;
}

/** All names under which clients in the cluster may reach it. */
export function serviceHosts(owner: RestoreOwner, namespace: string): string[] {
  const name = childNames.service(owner);
  return [name, `${name}.${namespace}`, `${name}.${namespace}.svc`, serviceHost(owner, namespace)];
}
