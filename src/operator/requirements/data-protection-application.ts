/**
 * What OADP's own configuration must say before files can be restored. OADP keeps it in a DataProtectionApplication
 * (openshift/oadp-operator: api/v1alpha1/dataprotectionapplication_types.go); only fields that are read are declared.
 */
import type { KubeObject, ResourceType } from "../../kube/resource-type.ts";
import { API_GROUP, API_VERSION } from "../api/v1alpha1/names.ts";

export interface DataProtectionApplication extends KubeObject {
  readonly spec?: {
    readonly vmFileRestore?: { readonly enable?: boolean };
    readonly configuration?: { readonly velero?: { readonly defaultPlugins?: readonly string[] } };
  };
}

export const dataProtectionApplications: ResourceType<DataProtectionApplication> = {
  group: API_GROUP,
  version: API_VERSION,
  kind: "DataProtectionApplication",
  plural: "dataprotectionapplications",
  namespaced: true,
};

/** Velero's plugin that puts VMs with all that belongs to them into backups. */
const VM_PLUGIN = "kubevirt";

/** One sentence for each field that has to be set, with the value to set. Empty when nothing is missing. */
export function unmetRequirements({ metadata, spec = {} }: DataProtectionApplication): string[] {
  const unmet: string[] = [];
  if (spec.vmFileRestore?.enable !== true) unmet.push("set spec.vmFileRestore.enable to true");
  const plugins: unknown = spec.configuration?.velero?.defaultPlugins;
  if (!Array.isArray(plugins) || !plugins.includes(VM_PLUGIN)) {
    unmet.push(`add ${VM_PLUGIN} to spec.configuration.velero.defaultPlugins`);
  }
  return unmet.map((sentence) => `DataProtectionApplication '${metadata.name}': ${sentence}`);
}
