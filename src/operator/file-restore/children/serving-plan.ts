import type { ConfigMap } from "../../../kube/resources.ts";
import { podLayout } from "../../file-serving/pod-layout.ts";
import type { ServingPlan } from "../../file-serving/serving-plan.ts";
import { childNames } from "../child-names.ts";
import { childLabels, type RestoreOwner } from "../owner.ts";

/** What the pod is to serve, as its containers read it. */
export function planConfigMap(owner: RestoreOwner, namespace: string, plan: ServingPlan): ConfigMap {
  const file = podLayout.plan.slice(podLayout.plan.lastIndexOf("/") + 1);
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: childNames.plan(owner), namespace, labels: childLabels(owner) },
    data: { [file]: JSON.stringify(plan) },
  };
}
