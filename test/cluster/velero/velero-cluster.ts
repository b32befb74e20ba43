import { type Cluster, startCluster } from "../control-plane/cluster.ts";
import { installCrds } from "../crds/install-crds.ts";
import type { Image } from "../node-double/image.ts";
import { NodeDouble } from "../node-double/node-double.ts";
import { type Bucket, startBucket, Velero } from "./velero.ts";
import { veleroImages } from "./velero-images.ts";

/** Everything a test of backups needs, started together. */
export interface VeleroCluster {
  readonly cluster: Cluster;
  readonly node: NodeDouble;
  readonly bucket: Bucket;
  readonly velero: Velero;
  /** Ends all of it and removes what it left on the machine. */
  stop(): Promise<void>;
}

/**
 * A control plane with all CRDs, a node double, a bucket and a ready Velero. Nothing keeps running when the
 * start fails.
 * @param images what pods may run beside Velero, by image name
 */
export async function startVeleroCluster(images: Readonly<Record<string, Image>> = {}): Promise<VeleroCluster> {
  const started: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const end of started.splice(0).reverse()) await end();
  };
  try {
    const cluster = await startCluster();
    started.push(() => cluster.stop());
    await installCrds(cluster);
    const bucket = await startBucket(cluster);
    started.push(() => bucket.server.close());
    const node = await NodeDouble.start(cluster, { ...(await veleroImages()), ...images });
    started.push(() => node.stop());
    const velero = await Velero.install(cluster, node, bucket.server);
    return { cluster, node, bucket, velero, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
