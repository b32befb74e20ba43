import path from "node:path";
import { goBinary } from "../../setup/go-binary.ts";

/** Pins Kubernetes and the etcd it is released with. */
const moduleDirectory = path.join(import.meta.dirname, "../../setup/cluster-module");

export const KUBERNETES_VERSION = "v1.36.3";

/** What a release sets when it is built; without it a server says v0.0.0-master. */
const variables = {
  "k8s.io/component-base/version.gitVersion": KUBERNETES_VERSION,
  "k8s.io/component-base/version.gitMajor": "1",
  "k8s.io/component-base/version.gitMinor": "36",
};

/** Paths of the real programs of a control plane. */
export interface ControlPlaneBinaries {
  readonly etcd: string;
  readonly apiServer: string;
  readonly controllerManager: string;
  readonly kubectl: string;
}

/** Builds what is not in the cache: one after the other, since they share most of their packages. */
export async function controlPlaneBinaries(): Promise<ControlPlaneBinaries> {
  return {
    etcd: await goBinary({ moduleDirectory, package: "go.etcd.io/etcd/server/v3", name: "etcd" }),
    apiServer: await kubernetesBinary("kube-apiserver"),
    controllerManager: await kubernetesBinary("kube-controller-manager"),
    kubectl: await kubernetesBinary("kubectl"),
  };
}

function kubernetesBinary(name: string): Promise<string> {
  return goBinary({ moduleDirectory, package: `k8s.io/kubernetes/cmd/${name}`, name, variables });
}
