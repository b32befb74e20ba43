import type { GatewayReference } from "./children/external-access.ts";
import type { PodImages } from "./children/pod.ts";

/** How the operator was set up; the same for every file restore. */
export interface FileRestoreSettings {
  /** Where the custom resources and Velero's objects are. */
  readonly namespace: string;
  /** Where the operator runs. */
  readonly operatorNamespace: string;
  readonly images: PodImages;
  readonly imagePullSecrets?: readonly string[];
  /** For restores that do not say. */
  readonly dataPath: "Restore" | "Direct" | "Auto";
  /** For restores that do not say; without it they stay until somebody deletes them. */
  readonly ttlMs?: number;
  /** Below it restores get a host name of their own where there are no Routes. */
  readonly externalDomain?: string;
  readonly ingressClass?: string;
  /** HTTPRoutes instead of Ingresses. */
  readonly gateway?: GatewayReference;
  /** TLSRoutes instead of HTTPRoutes: the gateway hands TLS through. */
  readonly gatewayPassthrough?: boolean;
  /** Of cert-manager: signs the pods' certificates where the cluster has it. */
  readonly clusterIssuer?: string;
  readonly timeouts: {
    /** For one Velero Restore. */
    readonly restoreMs: number;
    /** From a Restore's end to the PVCs it made. */
    readonly volumesMs: number;
    /** For the cluster's own authority to make a certificate; then we do. */
    readonly certificateMs: number;
    /** From the pod's creation until files can be read. */
    readonly podMs: number;
  };
}

export const defaultTimeouts: FileRestoreSettings["timeouts"] = {
  restoreMs: 4 * 3_600_000,
  volumesMs: 5 * 60_000,
  certificateMs: 2 * 60_000,
  podMs: 15 * 60_000,
};
