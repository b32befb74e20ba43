/** Everything that `kubectl apply -f` needs to have vmfr in a cluster, by the name of its file in deploy/. */
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

/** In the order in which they are to be created. */
export function installationManifests(installation: Installation): Map<string, readonly KubeObject[]> {
  return new Map<string, readonly KubeObject[]>([
    ["crds.yaml", customResourceDefinitions as readonly KubeObject[]],
    ["rbac.yaml", [operatorServiceAccount(installation), ...operatorAccess(installation), ...userRoles()]],
    ["admission.yaml", referencePolicies()],
    [
      "operator.yaml",
      [operatorDeployment(installation), metricsService(installation), operatorNetworkPolicy(installation)],
    ],
  ]);
}

export function asYaml(objects: readonly KubeObject[]): string {
  const options = { lineWidth: 120, aliasDuplicateObjects: false };
  return objects.map((object) => stringify(object, options)).join("---\n");
}
