import type { Cluster } from "../control-plane/cluster.ts";
import type { KubernetesObject } from "../control-plane/kubernetes-api.ts";
import { type Double, startDouble } from "./double.ts";

interface Route extends KubernetesObject {
  readonly spec: { readonly subdomain?: string };
  readonly status?: { readonly ingress?: readonly unknown[] };
}

/** OpenShift's router, as far as it admits Routes below its domain; it forwards nothing. */
export function startRouterDouble(cluster: Cluster, domain: string): Double {
  const routes = "/apis/route.openshift.io/v1";
  return startDouble(async () => {
    for (const { metadata, spec, status } of await cluster.api.list<Route>(`${routes}/routes`)) {
      if (spec.subdomain === undefined || (status?.ingress ?? []).length > 0) continue;
      const host = `${spec.subdomain}.${domain}`;
      const conditions = [{ type: "Admitted", status: "True", lastTransitionTime: new Date().toISOString() }];
      await cluster.api.patch(`${routes}/namespaces/${metadata.namespace}/routes/${metadata.name}/status`, {
        status: { ingress: [{ host, routerName: "default", wildcardPolicy: "None", conditions }] },
      });
    }
  });
}
