import { createServer, type Server } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { labels } from "../../src/operator/api/v1alpha1/names.ts";
import { podLayout, podPorts } from "../../src/operator/file-serving/pod-layout.ts";
import type { ServingPlan } from "../../src/operator/file-serving/serving-plan.ts";
import type { Inventory } from "../../src/restore-tree/tree-node.ts";
import type { Cluster } from "../../test/cluster/control-plane/cluster.ts";
import type { KubernetesObject } from "../../test/cluster/control-plane/kubernetes-api.ts";

interface FileServerPod extends KubernetesObject {
  readonly spec: { readonly volumes: readonly { readonly configMap?: { readonly name: string } }[] };
}

const LOOK_EVERY_MS = 500;
const PLAN_KEY = podLayout.plan.slice(podLayout.plan.lastIndexOf("/") + 1);

/**
 * Runs no pod and no file server: marks every file-serving pod as running and ready, and answers at its address that
 * each disk it was made for is available. What the operator costs is measured with it, and nothing else.
 */
export class ReadyMarker {
  readonly #cluster: Cluster;
  readonly #disk: string;
  readonly #ended = new AbortController();
  readonly #servers: Server[] = [];
  readonly #marked = new Set<string>();
  readonly #work: Promise<void>;

  /** @param disk name of the PVC that every backup has */
  constructor(cluster: Cluster, disk: string) {
    this.#cluster = cluster;
    this.#disk = disk;
    this.#work = this.#run();
    // Seen by whoever waits for `stop`.
    this.#work.catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#work;
    for (const server of this.#servers) server.close();
  }

  async #run(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      const selector = encodeURIComponent(labels.originUid);
      const pods = await this.#cluster.api.list<FileServerPod>(`/api/v1/pods?labelSelector=${selector}`);
      for (const pod of pods) {
        if (!this.#marked.has(pod.metadata.uid)) await this.#mark(pod);
      }
      await sleep(LOOK_EVERY_MS);
    }
  }

  async #mark({ metadata, spec }: FileServerPod): Promise<void> {
    const { name, namespace = "", uid } = metadata;
    this.#marked.add(uid);
    const count = this.#marked.size;
    const address = `127.90.${count >> 8}.${count & 0xff}`;
    await this.#answerAt(address, await this.#inventoryOf(namespace, spec.volumes));
    const status = {
      phase: "Running",
      podIP: address,
      podIPs: [{ ip: address }],
      conditions: [{ type: "Ready", status: "True" }],
    };
    await this.#cluster.api.patch(`/api/v1/namespaces/${namespace}/pods/${name}/status`, { status });
  }

  async #inventoryOf(namespace: string, volumes: FileServerPod["spec"]["volumes"]): Promise<Inventory> {
    const name = volumes.find(({ configMap }) => configMap !== undefined)?.configMap?.name ?? "";
    const path = `/api/v1/namespaces/${namespace}/configmaps/${name}`;
    const { data } = await this.#cluster.api.get<{ readonly data: Readonly<Record<string, string>> }>(path);
    const plan = JSON.parse(data[PLAN_KEY] ?? "") as ServingPlan;
    const disk = { name: this.#disk, state: "available", path: "", fileSystems: [], reasons: [] } as const;
    const backups = plan.backups.map((backup) => ({ name: backup.name, vm: plan.vm, disks: [disk] }));
    return { generatedAt: new Date().toISOString(), backups };
  }

  async #answerAt(host: string, inventory: Inventory): Promise<void> {
    const text = JSON.stringify(inventory);
    const server = createServer((_, response) => response.end(text));
    this.#servers.push(server);
    await new Promise<void>((resolve) => server.listen(podPorts.webHealth, host, resolve));
  }
}
