/**
 * Kinds whose projects publish no CustomResourceDefinition in a Go module: KubeVirt and CDI generate theirs
 * while they run, and the OADP operator's module is not served. Ours take any content.
 */
export const minimalCrds: readonly object[] = [
  minimalCrd({ group: "kubevirt.io", version: "v1", kind: "VirtualMachine", plural: "virtualmachines", short: "vm" }),
  minimalCrd({
    group: "kubevirt.io",
    version: "v1",
    kind: "VirtualMachineInstance",
    plural: "virtualmachineinstances",
    short: "vmi",
  }),
  minimalCrd({ group: "cdi.kubevirt.io", version: "v1beta1", kind: "DataVolume", plural: "datavolumes", short: "dv" }),
  minimalCrd({
    group: "oadp.openshift.io",
    version: "v1alpha1",
    kind: "DataProtectionApplication",
    plural: "dataprotectionapplications",
    short: "dpa",
  }),
];

export interface KindNames {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly short?: string;
  readonly scope?: "Namespaced" | "Cluster";
}

export function minimalCrd({ group, version, kind, plural, short, scope = "Namespaced" }: KindNames): object {
  const shortNames = short === undefined ? [] : [short];
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: {
      name: `${plural}.${group}`,
      // Asked for in groups of Kubernetes' own projects.
      annotations: { "api-approved.kubernetes.io": "unapproved, stands for the published one" },
    },
    spec: {
      group,
      scope,
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List`, shortNames },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
        },
      ],
    },
  };
}
