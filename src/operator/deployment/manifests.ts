/** Everything that `kubectl apply -f` needs to have vmfr in a cluster. */
import { stringify } from "yaml";
import type { KubeObject } from "../../kube/resource-type.ts";
import { customResourceDefinitions } from "../api/manifests.ts";
import { operatorAccess, userRoles } from "./access-rules.ts";
import {
  metricsService,
  operatorDeployment,
  operatorNetworkPolicy,
  operatorServiceAccount,
} from "./controller-deployment.ts";
import type { Installation } from "./installation.ts";
import { referencePolicies } from "./reference-policy.ts";

/** By the name of the file in deploy/operator; without the CRDs, which are in deploy/crd. */
export function operatorManifests(installation: Installation): Map<string, readonly KubeObject[]> {
  return new Map<string, readonly KubeObject[]>([
    ["rbac.yaml", [operatorServiceAccount(installation), ...operatorAccess(installation), ...userRoles()]],
    ["admission.yaml", referencePolicies()],
    [
      "operator.yaml",
      [operatorDeployment(installation), metricsService(installation), operatorNetworkPolicy(installation)],
    ],
  ]);
}

/** Everything, in the order in which it is to be created. */
export function installationManifests(installation: Installation): readonly KubeObject[] {
  const definitions = customResourceDefinitions as readonly KubeObject[];
  return [...definitions, ...[...operatorManifests(installation).values()].flat()];
}

export function asYaml(objects: readonly KubeObject[]): string {
  const options = { lineWidth: 120, aliasDuplicateObjects: false };
  return objects.map((object) => stringify(object, options)).join("---\n");
}
