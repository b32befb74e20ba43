import { mkdirSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { runTool } from "../../setup/run-tool.ts";
import type { Cluster } from "../control-plane/cluster.ts";
import type { KubernetesApi } from "../control-plane/kubernetes-api.ts";
import type { Image, Images } from "./image.ts";
import { KubeletServer } from "./kubelet/kubelet-server.ts";
import { type PodInterface, PodNetwork } from "./pod-network.ts";
import { PODS, type Pod, pathOf } from "./pod-objects.ts";
import { PodRunner } from "./pod-runner.ts";
import { PodVolumes } from "./pod-volumes.ts";
import { Provisioner, SELECTED_NODE } from "./provisioner.ts";
import { Snapshotter } from "./snapshotter.ts";
import {
  type PersistentVolume,
  type PersistentVolumeClaim,
  PVS,
  snapshotClass,
  storageClasses,
  WAITING_STORAGE_CLASS,
} from "./storage-objects.ts";
import { VolumeStore } from "./volume-store.ts";

export const NODE_NAME = "node-double";

const SYNC_INTERVAL_MS = 300;
const DEFAULT_GRACE_SECONDS = 30;

/**
 * Stands for what a test machine cannot have: the scheduler, the kubelet with its container runtime, and a
 * CSI driver with its snapshot controller. It acts through the API alone, and what it runs is real: the
 * containers' own programs, with the pods' users, environment, volumes and ports.
 */
export class NodeDouble {
  readonly #cluster: Cluster;
  readonly #api: KubernetesApi;
  readonly #images: Images;
  readonly #store: VolumeStore;
  readonly #provisioner: Provisioner;
  readonly #snapshotter: Snapshotter;
  readonly #network: PodNetwork;
  readonly #kubelet: KubeletServer;
  readonly #runners = new Map<string, PodRunner>();
  readonly #interfaces = new Map<string, PodInterface>();
  readonly #terminating = new Set<string>();
  readonly #stop = new AbortController();
  readonly #loop: Promise<void>;
  /** What the last round could not do, for messages of tests that wait in vain. */
  lastError: Error | undefined;

  private constructor(
    cluster: Cluster,
    network: PodNetwork,
    kubelet: KubeletServer,
    images: Readonly<Record<string, Image>>,
  ) {
    this.#network = network;
    this.#kubelet = kubelet;
    this.#cluster = cluster;
    this.#api = cluster.api;
    this.#images = new Map(Object.entries(images));
    this.#store = new VolumeStore(path.join(cluster.directory, "storage"));
    this.#provisioner = new Provisioner(this.#api, this.#store);
    this.#snapshotter = new Snapshotter(this.#api, this.#store);
    this.#loop = this.#run();
  }

  /**
   * Joins the cluster as its only node. The snapshot CRDs must be there.
   * @param images what pods may run, by image name
   */
  static async start(cluster: Cluster, images: Readonly<Record<string, Image>>): Promise<NodeDouble> {
    if (process.getuid?.() !== 0)
      throw new Error("the node double makes namespaces and devices for pods: run it as root");
    await requireDebianPackages("iproute2", "util-linux", "mount");
    await cluster.apply(...storageClasses, snapshotClass);
    await cluster.api.create("/api/v1/nodes", {
      metadata: { name: NODE_NAME, labels: { "kubernetes.io/hostname": NODE_NAME, "kubernetes.io/os": "linux" } },
    });
    const kubelet = await KubeletServer.start(cluster.api);
    await cluster.api.patch(`/api/v1/nodes/${NODE_NAME}/status`, {
      status: {
        addresses: [{ type: "InternalIP", address: "127.0.0.1" }],
        daemonEndpoints: { kubeletEndpoint: { Port: kubelet.port } },
        conditions: [{ type: "Ready", status: "True", reason: "NodeDouble" }],
        capacity: { cpu: "16", memory: "64Gi", pods: "250" },
        allocatable: { cpu: "16", memory: "64Gi", pods: "250" },
        nodeInfo: { operatingSystem: "linux" },
      },
    });
    // Set at admission, as for every new node, until it is ready.
    await cluster.api.patch(`/api/v1/nodes/${NODE_NAME}`, { spec: { taints: null } });
    const network = await PodNetwork.create();
    await network.expose(Number(new URL(cluster.server).port));
    return new NodeDouble(cluster, network, kubelet, images);
  }

  /** The URL by which pods reach a server that listens on this machine's 127.0.0.1. */
  async urlForPods(loopbackUrl: string): Promise<string> {
    const url = new URL(loopbackUrl);
    await this.#network.expose(Number(url.port));
    url.hostname = this.#network.gateway;
    return url.href.replace(/\/$/, "");
  }

  /**
   * The file that holds the bytes of a bound claim's disk: the device's image, or `disk.img` as KubeVirt
   * places it in a Filesystem volume, which may not exist yet.
   */
  async diskOf(namespace: string, claimName: string): Promise<string> {
    const claimPath = `/api/v1/namespaces/${namespace}/persistentvolumeclaims/${claimName}`;
    const claim = await this.#api.get<PersistentVolumeClaim>(claimPath);
    if (claim.spec.volumeName === undefined) throw new Error(`${namespace}/${claimName} is not bound`);
    const { spec } = await this.#api.get<PersistentVolume>(`${PVS}/${claim.spec.volumeName}`);
    const handle = String(spec.csi?.volumeHandle);
    if (spec.volumeMode === "Block") return this.#store.deviceOf(handle);
    return path.join(this.#store.contentOf(handle), "disk.img");
  }

  /** Gives a bound claim's disk the bytes of `image`; a device keeps its size. Owner and mode as KubeVirt's. */
  async writeDisk(namespace: string, claimName: string, image: string): Promise<void> {
    const disk = await this.diskOf(namespace, claimName);
    const isDevice = path.basename(disk) === "device.img";
    await runTool("dd", [`if=${image}`, `of=${disk}`, "bs=1M", "status=none", ...(isDevice ? ["conv=notrunc"] : [])]);
    if (!isDevice) await runTool("chown", ["107:107", disk]);
    if (!isDevice) await runTool("chmod", ["660", disk]);
  }

  /** Where a container's output goes. */
  logFileOf(namespace: string, pod: string, container: string): string {
    return path.join(this.#cluster.logDirectory, `${namespace}_${pod}_${container}.log`);
  }

  /** Ends every pod's processes; call it before the cluster stops. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
    await this.#kubelet.close();
    await Promise.all([...this.#runners.values()].map((runner) => this.#end(runner, 2_000)));
    await this.#network.remove();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      for (const step of [() => this.#provisioner.sync(), () => this.#snapshotter.sync(), () => this.#syncPods()]) {
        try {
          await step();
        } catch (error) {
          // The API may be restarting or an object may have changed meanwhile; the next round sees it anew.
          this.lastError = error as Error;
        }
      }
      await sleep(SYNC_INTERVAL_MS);
    }
  }

  async #syncPods(): Promise<void> {
    const pods = await this.#api.list<Pod>(PODS);
    const existing = new Set(pods.map((pod) => pod.metadata.uid));
    for (const [uid, runner] of this.#runners) {
      // Deleted without grace.
      if (!existing.has(uid)) await this.#end(runner, 0);
    }
    for (const pod of pods) {
      if (pod.spec.nodeName === undefined) await this.#schedule(pod);
      else if (pod.spec.nodeName === NODE_NAME) await this.#syncPod(pod);
    }
  }

  async #syncPod(pod: Pod): Promise<void> {
    const { uid, deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
    const runner = this.#runners.get(uid);
    if (deletionTimestamp !== undefined) {
      this.#terminate(pod, (deletionGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS) * 1000);
    } else if (runner === undefined) {
      await this.#startPod(pod);
    }
    await this.#runners.get(uid)?.publish();
  }

  async #startPod(pod: Pod): Promise<void> {
    const { uid } = pod.metadata;
    const directory = path.join(this.#cluster.directory, "pods", uid);
    mkdirSync(directory, { recursive: true });
    const { logDirectory } = this.#cluster;
    const attached = await this.#network.attach(`${pod.metadata.namespace}_${pod.metadata.name}`, logDirectory);
    this.#interfaces.set(uid, attached);
    const identity = { pod, podIp: attached.address, nodeName: NODE_NAME };
    const context = {
      api: this.#api,
      apiServerPort: Number(new URL(this.#cluster.server).port),
      gateway: this.#network.gateway,
      networkProcess: Number(attached.pause.pid),
      images: this.#images,
      identity,
      volumes: new PodVolumes(this.#api, this.#store, identity, directory),
      directory,
      logDirectory,
    };
    this.#runners.set(uid, new PodRunner(context));
  }

  /** Runs beside the loop: a pod may take its whole grace period to end. */
  #terminate(pod: Pod, graceMs: number): void {
    const { uid } = pod.metadata;
    if (this.#terminating.has(uid)) return;
    this.#terminating.add(uid);
    const runner = this.#runners.get(uid);
    const remove = async () => {
      if (runner !== undefined) await this.#end(runner, graceMs);
      await this.#api.delete(pathOf(pod), { gracePeriodSeconds: 0, preconditions: { uid } });
    };
    remove()
      .catch((error: unknown) => {
        this.lastError = error as Error;
      })
      .finally(() => this.#terminating.delete(uid));
  }

  async #end(runner: PodRunner, graceMs: number): Promise<void> {
    await runner.end(graceMs);
    const { uid } = runner.pod.metadata;
    const attached = this.#interfaces.get(uid);
    if (attached !== undefined) await this.#network.detach(attached);
    this.#interfaces.delete(uid);
    this.#runners.delete(uid);
  }

  /** Binds the pod to this node once all its claims have volumes. */
  async #schedule(pod: Pod): Promise<void> {
    const { namespace, name, uid } = pod.metadata;
    for (const volume of pod.spec.volumes ?? []) {
      const claimName = volume.persistentVolumeClaim?.claimName;
      if (claimName !== undefined && !(await this.#isBound(namespace, claimName))) return;
    }
    await this.#api.create(`${pathOf(pod)}/binding`, {
      apiVersion: "v1",
      kind: "Binding",
      metadata: { name, namespace, uid },
      target: { apiVersion: "v1", kind: "Node", name: NODE_NAME },
    });
  }

  async #isBound(namespace: string, claimName: string): Promise<boolean> {
    const claimPath = `/api/v1/namespaces/${namespace}/persistentvolumeclaims/${claimName}`;
    const claim = await this.#api.find<PersistentVolumeClaim>(claimPath);
    if (claim === undefined) return false;
    const isSelected = claim.metadata.annotations?.[SELECTED_NODE] !== undefined;
    if (claim.spec.storageClassName === WAITING_STORAGE_CLASS && !isSelected) {
      await this.#api.patch(claimPath, { metadata: { annotations: { [SELECTED_NODE]: NODE_NAME } } });
    }
    return claim.status?.phase === "Bound";
  }
}
