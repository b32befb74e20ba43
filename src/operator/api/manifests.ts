import { stringify } from "yaml";
import { customResourceDefinition } from "./crd/custom-resource-definition.ts";
import { virtualMachineBackupsDiscoveryResource } from "./v1alpha1/virtual-machine-backups-discovery.ts";
import { virtualMachineFileRestoreResource } from "./v1alpha1/virtual-machine-file-restore.ts";

export const customResourceDefinitions = [
  virtualMachineBackupsDiscoveryResource,
  virtualMachineFileRestoreResource,
].map(customResourceDefinition);

/** Files of `deploy/crd` by name; `node scripts/generate-manifests.mjs` writes them. */
export function crdManifests(): Map<string, string> {
  return new Map(
    customResourceDefinitions.map((definition) => {
      const [plural, ...group] = (definition.metadata.name ?? "").split(".");
      return [
        `${group.join(".")}_${plural}.yaml`,
        stringify(definition, { lineWidth: 120, aliasDuplicateObjects: false }),
      ];
    }),
  );
}
