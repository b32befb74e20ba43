import type { Cluster } from "../control-plane/cluster.ts";
import { minimalCrds } from "./minimal-crds.ts";
import { publishedCrds } from "./module-crds.ts";

/**
 * Teaches the cluster the kinds of Velero, KubeVirt, CDI, CSI snapshots, OpenShift's Route and the DPA, and
 * waits until it serves them.
 */
export async function installCrds(cluster: Cluster): Promise<void> {
  // Not by kubectl, which refuses the null among the values of an enum of Route's.
  for (const crd of [...(await publishedCrds()), ...minimalCrds]) {
    await cluster.api.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd);
  }
  await cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=120s");
}
