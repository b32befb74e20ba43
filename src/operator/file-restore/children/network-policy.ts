import type { NetworkPolicy } from "../../../kube/resources.ts";
import { labels, labelValues } from "../../api/v1alpha1/names.ts";
import { podPorts } from "../../file-serving/pod-layout.ts";
import { childNames } from "../child-names.ts";
import { childLabels, type RestoreOwner } from "../owner.ts";
import type { AccessMethods } from "./access-methods.ts";

export interface NetworkPolicyOptions {
  readonly namespace: string;
  /** Where the operator runs; it alone asks the pod for its inventory. Kubelets are always let in. */
  readonly operatorNamespace: string;
  readonly access: AccessMethods;
  /** The pod reads a bucket; else it needs nobody. */
  readonly readsBucket: boolean;
}

/** Files to whoever has the credentials; everything else of the pod to the operator; and nothing out of it. */
export function networkPolicy(owner: RestoreOwner, options: NetworkPolicyOptions): NetworkPolicy {
  const { namespace, operatorNamespace, access, readsBucket } = options;
  const tcp = (port: number) => ({ protocol: "TCP", port });
  const filePorts = [...(access.ssh ? [tcp(podPorts.ssh)] : []), ...(access.web ? [tcp(podPorts.https)] : [])];
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: childNames.networkPolicy(owner), namespace, labels: childLabels(owner) },
    spec: {
      podSelector: { matchLabels: { [labels.originUid]: owner.uid, [labels.app]: labelValues.app } },
      policyTypes: ["Ingress", "Egress"],
      ingress: [
        { ports: filePorts },
        {
          from: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": operatorNamespace } } }],
          ports: [tcp(podPorts.webHealth), tcp(podPorts.sshHealth)],
        },
      ],
      // Buckets are where users have them, under names that have to be looked up first.
      egress: readsBucket ? [{}] : [],
    },
  };
}
