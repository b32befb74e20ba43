/** One Velero Restore a backup: the VM's PVCs, nothing else, into the restore's namespace, under names of their own. */
import { stringify } from "yaml";
import type { ConfigMap } from "../../../kube/resources.ts";
import { annotations, labels, labelValues } from "../../api/v1alpha1/names.ts";
import type { VeleroRestore } from "../../velero/velero-resources.ts";
import { childNames } from "../child-names.ts";
import { childLabels, originAnnotations, type RestoreOwner } from "../owner.ts";

/** A PVC as it was backed up. */
export interface BackedUpClaim {
  readonly uid: string;
  readonly name: string;
}

export interface VeleroRestoreOptions {
  readonly backup: string;
  readonly vm: { readonly namespace: string; readonly name: string };
  readonly claims: readonly BackedUpClaim[];
  /** Where the PVCs are to be. */
  readonly namespace: string;
}

export function veleroRestore(owner: RestoreOwner, options: VeleroRestoreOptions): VeleroRestore {
  const { backup, vm, claims, namespace } = options;
  return {
    apiVersion: "velero.io/v1",
    kind: "Restore",
    metadata: {
      name: childNames.veleroRestore(owner, backup),
      namespace: owner.namespace,
      labels: { [labels.originUid]: owner.uid },
      annotations: {
        ...originAnnotations(owner),
        [annotations.backupName]: backup,
        [annotations.vmName]: vm.name,
        [annotations.vmNamespace]: vm.namespace,
        [annotations.restore]: labelValues.true,
      },
    },
    spec: {
      backupName: backup,
      includedNamespaces: [vm.namespace],
      // Contents have no namespace; only those come that the snapshots of these PVCs name.
      includedResources: ["persistentvolumeclaims", "volumesnapshots", "volumesnapshotcontents"],
      orLabelSelectors: claims.map(({ uid }) => ({ matchLabels: { [labels.pvcUid]: uid } })),
      namespaceMapping: { [vm.namespace]: namespace },
      resourceModifier: { kind: "ConfigMap", name: childNames.resourceModifier(owner, backup) },
    },
  };
}

/**
 * Gives each PVC the name `<pvc>-<backup>` just before Velero creates it, so that several backups of one PVC live
 * side by side (velero: internal/resourcemodifiers).
 */
export function resourceModifier(owner: RestoreOwner, { backup, vm, claims }: VeleroRestoreOptions): ConfigMap {
  const rules = {
    version: "v1",
    resourceModifierRules: claims.map(({ name }) => ({
      conditions: {
        groupResource: "persistentvolumeclaims",
        resourceNameRegex: `^${escapeRegex(name)}$`,
        namespaces: [vm.namespace],
      },
      // `add` sets what is there as well, and works where Velero's plugin for OpenShift has taken the name away.
      patches: [{ operation: "add", path: "/metadata/name", value: childNames.restoredPvc(name, backup) }],
    })),
  };
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: {
      name: childNames.resourceModifier(owner, backup),
      namespace: owner.namespace,
      labels: childLabels(owner),
      annotations: originAnnotations(owner),
    },
    data: { "rules.yaml": stringify(rules) },
  };
}

/** A name has dots at most; in Go's syntax they stand for any character too. */
function escapeRegex(name: string): string {
  return name.replaceAll(".", "\\.");
}
