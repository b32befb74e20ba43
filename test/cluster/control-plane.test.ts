import { CoreV1Api, VersionApi } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { KUBERNETES_VERSION } from "./control-plane/binaries.ts";
import { type Cluster, startCluster } from "./control-plane/cluster.ts";

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster?.stop());

test("the API server is the real one, of the pinned version", async () => {
  const { gitVersion } = await cluster.client.makeApiClient(VersionApi).getCode();
  expect(gitVersion).toBe(KUBERNETES_VERSION);
});

test("a namespace is given its service account and goes away when deleted", async () => {
  await cluster.kubectl("create", "namespace", "short-lived");
  await cluster.kubectl("wait", "--for=create", "serviceaccount/default", "-n", "short-lived", "--timeout=60s");
  await cluster.kubectl("delete", "namespace", "short-lived", "--timeout=60s");
  await expect(cluster.kubectl("get", "namespace", "short-lived")).rejects.toThrow(/NotFound/);
});

test("a service account may do what RBAC allows it and nothing else", async () => {
  const config = await cluster.kubeconfigOf("default", "default");
  expect(config).toContain(cluster.server);
  const may = (verb: string) =>
    cluster.kubectl("auth", "can-i", verb, "pods", "--as=system:serviceaccount:default:default");
  await expect(may("list")).rejects.toThrow();
  await cluster.kubectl(
    "create",
    "clusterrolebinding",
    "reader",
    "--clusterrole=view",
    "--serviceaccount=default:default",
  );
  await expect.poll(() => may("list"), { timeout: 20_000 }).toBe("yes\n");
  await expect(may("delete")).rejects.toThrow();
});

test("Pod Security refuses a privileged pod in a restricted namespace", async () => {
  await cluster.apply({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: "restricted", labels: { "pod-security.kubernetes.io/enforce": "restricted" } },
  });
  await cluster.kubectl("wait", "--for=create", "serviceaccount/default", "-n", "restricted", "--timeout=60s");
  const pod = cluster.kubectl("run", "-n", "restricted", "privileged", "--image=none", "--privileged");
  await expect(pod).rejects.toThrow(/violates PodSecurity "restricted/);
});

test("what was stored survives a restart of the API server", async () => {
  await cluster.kubectl("create", "configmap", "kept", "--from-literal=a=b");
  await cluster.restartApiServer();
  const kept = await cluster.client
    .makeApiClient(CoreV1Api)
    .readNamespacedConfigMap({ name: "kept", namespace: "default" });
  expect(kept.data).toEqual({ a: "b" });
});
