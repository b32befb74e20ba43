/** Where and how the operator is installed. */
export interface Installation {
  /** Of OADP and of the operator. */
  readonly namespace: string;
  readonly image: string;
}

/** Of every object that is installed. */
export const NAME_PREFIX = "oadp-vm-file-restore";

export const SERVICE_ACCOUNT = `${NAME_PREFIX}-controller-manager`;

export const installationLabels = {
  "app.kubernetes.io/name": NAME_PREFIX,
  "app.kubernetes.io/managed-by": "kustomize",
} as const;

export function installed(name: string, namespace?: string, labels: Readonly<Record<string, string>> = {}) {
  return {
    name: `${NAME_PREFIX}-${name}`,
    ...(namespace !== undefined && { namespace }),
    labels: { ...installationLabels, ...labels },
  };
}

/** What deploy/ holds; `vmfr manifests` prints any other. */
export const defaultInstallation: Installation = { namespace: "openshift-adp", image: "quay.io/vmfr/vmfr:latest" };
