import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { runTool } from "../../setup/run-tool.ts";
import { type S3Server, startS3Server } from "../../setup/s3-server/s3-server.ts";
import type { Cluster } from "../control-plane/cluster.ts";
import type { NodeDouble } from "../node-double/node-double.ts";
import { veleroBinary } from "./binaries.ts";
import { AWS_PLUGIN_IMAGE, VELERO_IMAGE } from "./velero-images.ts";

/** A bucket on loopback whose objects are the files of a folder. */
export interface Bucket {
  readonly server: S3Server;
  readonly directory: string;
}

/** Below the cluster's scratch space; the caller closes the server. */
export async function startBucket(
  cluster: Cluster,
  name = "backups",
  credentials?: S3Server["credentials"],
): Promise<Bucket> {
  const directory = path.join(cluster.directory, `bucket-${name}`);
  mkdirSync(directory);
  const options = { directory, bucket: name, writable: true, ...(credentials !== undefined && { credentials }) };
  return { server: await startS3Server(options), directory };
}

export interface VeleroOptions {
  readonly namespace?: string;
  /** Folder of the bucket. */
  readonly prefix?: string;
}

/** How long Velero may take to be ready on a busy machine. */
const READY_TIMEOUT = "300s";

/** A real Velero: server, AWS plugin and node agent as `velero install` sets them up, run by the node double. */
export class Velero {
  readonly namespace: string;
  readonly #cluster: Cluster;
  readonly #binary: string;

  private constructor(cluster: Cluster, binary: string, namespace: string) {
    this.#cluster = cluster;
    this.#binary = binary;
    this.namespace = namespace;
  }

  /** Needs the CRDs, and a node that knows Velero's images. */
  static async install(
    cluster: Cluster,
    node: NodeDouble,
    bucket: S3Server,
    options: VeleroOptions = {},
  ): Promise<Velero> {
    const { namespace = "velero", prefix } = options;
    const velero = new Velero(cluster, await veleroBinary(), namespace);
    const { accessKeyId, secretAccessKey } = bucket.credentials;
    const secretFile = path.join(cluster.directory, `${namespace}-credentials`);
    const keys = ["[default]", `aws_access_key_id=${accessKeyId}`, `aws_secret_access_key=${secretAccessKey}`, ""];
    writeFileSync(secretFile, keys.join("\n"), { mode: 0o600 });
    const location = ["region=us-east-1", "s3ForcePathStyle=true", `s3Url=${await node.urlForPods(bucket.endpoint)}`];
    // The command looks for the settings it is told of.
    await cluster.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
    await cluster.apply(nodeAgentSettings(namespace));
    const manifests = await velero.run(
      "install",
      ...["--provider=aws", `--image=${VELERO_IMAGE}`, `--plugins=${AWS_PLUGIN_IMAGE}`],
      ...[`--bucket=${bucket.bucket}`, ...(prefix === undefined ? [] : [`--prefix=${prefix}`])],
      ...[`--secret-file=${secretFile}`, `--backup-location-config=${location.join(",")}`],
      ...["--use-node-agent", "--node-agent-disable-host-path", "--use-volume-snapshots=false", "--features=EnableCSI"],
      ...[`--node-agent-configmap=${NODE_AGENT_SETTINGS}`, "--csi-snapshot-early-frequent-polling"],
      ...["--dry-run", "--output=json"],
    );
    const { items } = JSON.parse(manifests) as { items: object[] };
    await cluster.apply(...withEagerServer(items));
    await velero.#waitUntilReady();
    return velero;
  }

  /** Standard output of Velero's command line. */
  run(...args: readonly string[]): Promise<string> {
    return runTool(this.#binary, [
      "--kubeconfig",
      this.#cluster.kubeconfigFile,
      "--namespace",
      this.namespace,
      ...args,
    ]);
  }

  /** Makes a backup and waits for its end, moved data included; throws with Velero's log when it is not Completed. */
  async backUp(name: string, ...options: readonly string[]): Promise<void> {
    await this.run("backup", "create", name, "--wait", ...options);
    await this.#expectCompleted("backup", name);
  }

  /** Restores a backup and waits for its end; throws with Velero's log when it is not Completed. */
  async restore(name: string, backup: string, ...options: readonly string[]): Promise<void> {
    await this.run("restore", "create", name, `--from-backup=${backup}`, "--wait", ...options);
    await this.#expectCompleted("restore", name);
  }

  async #expectCompleted(kind: "backup" | "restore", name: string): Promise<void> {
    const path = `/apis/velero.io/v1/namespaces/${this.namespace}/${kind}s/${name}`;
    const { status } = await this.#cluster.api.get<{ status: { phase: string } }>(path);
    if (status.phase === "Completed") return;
    const log = await this.run(kind, "logs", name);
    const complaints = log.split("\n").filter((line) => /level=(error|warning)/.test(line));
    throw new Error([`${kind} ${name} is ${status.phase}: ${JSON.stringify(status)}`, ...complaints].join("\n"));
  }

  async #waitUntilReady(): Promise<void> {
    const kubectl = (...args: string[]) => this.#cluster.kubectl("--namespace", this.namespace, ...args);
    await kubectl("wait", "--for=condition=Available", "deployment/velero", `--timeout=${READY_TIMEOUT}`);
    await kubectl("rollout", "status", "daemonset/node-agent", `--timeout=${READY_TIMEOUT}`);
    const location = "backupstoragelocation/default";
    await kubectl("wait", "--for=jsonpath={.status.phase}=Available", location, `--timeout=${READY_TIMEOUT}`);
  }
}

/** The server looks after its work every second instead of every ten. */
function withEagerServer(items: readonly object[]): readonly object[] {
  for (const item of items as { kind: string; spec: { template: { spec: { containers: { args: string[] }[] } } } }[]) {
    if (item.kind !== "Deployment") continue;
    const [server] = item.spec.template.spec.containers;
    server?.args.push("--item-operation-sync-frequency=1s", "--backup-sync-period=5s");
  }
  return items;
}

const NODE_AGENT_SETTINGS = "node-agent-settings";

/** Several disks at a time instead of one after the other. */
function nodeAgentSettings(namespace: string): object {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: NODE_AGENT_SETTINGS, namespace },
    data: { "node-agent.json": JSON.stringify({ loadConcurrency: { globalConfig: 4 } }) },
  };
}
