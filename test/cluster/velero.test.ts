import { afterAll, beforeAll, expect, test } from "vitest";
import { type Cluster, startCluster } from "./control-plane/cluster.ts";
import { installCrds } from "./crds/install-crds.ts";
import { NodeDouble } from "./node-double/node-double.ts";
import { type Bucket, startBucket, Velero } from "./velero/velero.ts";
import { veleroImages } from "./velero/velero-images.ts";

let cluster: Cluster;
let node: NodeDouble;
let bucket: Bucket;
let velero: Velero;
beforeAll(async () => {
  cluster = await startCluster();
  await installCrds(cluster);
  node = await NodeDouble.start(cluster, await veleroImages());
  bucket = await startBucket(cluster);
  velero = await Velero.install(cluster, node, bucket.server);
});
afterAll(async () => {
  await node?.stop();
  await bucket?.server.close();
  await cluster?.stop();
});

test("Velero backs up a namespace into the bucket", async () => {
  await cluster.kubectl("create", "configmap", "settings", "--from-literal=a=b");
  await velero.run("backup", "create", "first", "--include-namespaces=default", "--wait");
  const phase = await cluster.kubectl("-n", "velero", "get", "backup", "first", "-o", "jsonpath={.status.phase}");
  expect(phase).toBe("Completed");
});
