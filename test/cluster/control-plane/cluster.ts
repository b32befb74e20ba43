import { mkdirSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import path from "node:path";
import { KubeConfig } from "@kubernetes/client-node";
import { BackgroundProcess, freePort } from "../../setup/background-process.ts";
import { runTool } from "../../setup/run-tool.ts";
import { temporaryDirectory } from "../../setup/scratch-directory.ts";
import { controlPlaneBinaries } from "./binaries.ts";
import { apiServerCommand, type ControlPlanePlan, controllerManagerCommand, etcdCommand } from "./commands.ts";
import { createCredentials, kubeconfig } from "./credentials.ts";
import { KubernetesApi } from "./kubernetes-api.ts";

/** Slow only on a machine that is busy with other things. */
const READY_TIMEOUT_MS = 180_000;
/** Less than the server would like for ending its watches politely: a node that dies does not ask either. */
const RESTART_GRACE_MS = 1_000;

/**
 * A real Kubernetes control plane of its own on loopback: etcd, kube-apiserver (RBAC, default admission) and
 * kube-controller-manager. It has no node; pods run only where a NodeDouble plays one.
 */
export class Cluster {
  /** `https://127.0.0.1:port` */
  readonly server: string;
  /** PEM text. */
  readonly certificateAuthority: string;
  /** Scratch space that goes with the cluster. */
  readonly directory: string;
  readonly logDirectory: string;
  /** The administrator's (`system:masters`), as a file and as an object. */
  readonly kubeconfigFile: string;
  readonly client: KubeConfig;
  /** Plain requests as administrator. */
  readonly api: KubernetesApi;
  readonly #plan: ControlPlanePlan;
  readonly #removeDirectory: () => void;
  /** In the order of their start. */
  readonly #processes: BackgroundProcess[] = [];
  #apiServer: BackgroundProcess | undefined;

  private constructor(plan: ControlPlanePlan, removeDirectory: () => void) {
    this.#plan = plan;
    this.#removeDirectory = removeDirectory;
    this.server = serverOf(plan.apiServerPort);
    this.certificateAuthority = plan.credentials.certificateAuthority;
    this.directory = plan.directory;
    this.logDirectory = plan.logDirectory;
    this.kubeconfigFile = path.join(plan.directory, "admin.kubeconfig");
    writeFileSync(this.kubeconfigFile, this.kubeconfigWith(plan.credentials.adminToken), { mode: 0o600 });
    const { server, certificateAuthority } = this;
    this.api = new KubernetesApi({ server, certificateAuthority, token: plan.credentials.adminToken });
    this.client = new KubeConfig();
    this.client.loadFromFile(this.kubeconfigFile);
  }

  static async start(): Promise<Cluster> {
    const binaries = await controlPlaneBinaries();
    const { path: directory, remove } = temporaryDirectory();
    const logDirectory = path.join(directory, "log");
    mkdirSync(logDirectory);
    const credentials = await createCredentials(directory);
    const [etcdPort, etcdPeerPort, apiServerPort, controllerManagerPort] = [
      await freePort(),
      await freePort(),
      await freePort(),
      await freePort(),
    ];
    const controllerManagerKubeconfig = path.join(directory, "controller-manager.kubeconfig");
    writeFileSync(
      controllerManagerKubeconfig,
      kubeconfig(serverOf(apiServerPort), credentials.certificateAuthority, credentials.controllerManagerToken),
      { mode: 0o600 },
    );
    const ports = { etcdPort, etcdPeerPort, apiServerPort, controllerManagerPort };
    const plan = { directory, logDirectory, binaries, credentials, controllerManagerKubeconfig, ...ports };
    const cluster = new Cluster(plan, remove);
    try {
      await cluster.#startAll();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** Standard output of the real kubectl, as administrator. */
  kubectl(...args: readonly string[]): Promise<string> {
    return runTool(this.#plan.binaries.kubectl, ["--kubeconfig", this.kubeconfigFile, ...args]);
  }

  /** Creates or updates objects of any kind by kubectl's server-side apply. */
  async apply(...objects: readonly object[]): Promise<void> {
    const list = { apiVersion: "v1", kind: "List", items: objects };
    const file = path.join(this.directory, `apply-${crypto.randomUUID()}.json`);
    writeFileSync(file, JSON.stringify(list));
    await this.kubectl("apply", "--server-side", "--force-conflicts", "--filename", file);
  }

  /** A kubeconfig, as text, for whoever holds the bearer token. */
  kubeconfigWith(token: string): string {
    return kubeconfig(this.server, this.certificateAuthority, token);
  }

  /** A kubeconfig, as text, with the rights RBAC gives to a service account. */
  async kubeconfigOf(namespace: string, serviceAccount: string): Promise<string> {
    const token = await this.kubectl("--namespace", namespace, "create", "token", serviceAccount);
    return this.kubeconfigWith(token.trim());
  }

  /** Ends kube-apiserver and starts it anew on the same port: every watch breaks and every client has to come back. */
  async restartApiServer(): Promise<void> {
    await this.#apiServer?.stop(RESTART_GRACE_MS);
    await this.#startApiServer();
  }

  /** Runs another server until the cluster stops. */
  run(command: Omit<ConstructorParameters<typeof BackgroundProcess>[0], "logDirectory">): BackgroundProcess {
    const started = new BackgroundProcess({ ...command, logDirectory: this.logDirectory });
    this.#processes.push(started);
    return started;
  }

  /** Stops everything, last started first, and removes the scratch space. */
  async stop(): Promise<void> {
    this.api.close();
    for (const started of this.#processes.toReversed()) await started.stop();
    this.#removeDirectory();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #startAll(): Promise<void> {
    const etcd = this.run(etcdCommand(this.#plan));
    const etcdHealth = `http://127.0.0.1:${this.#plan.etcdPort}/health`;
    await etcd.waitUntil(() => isOk(fetch(etcdHealth)), READY_TIMEOUT_MS);
    await this.#startApiServer();
    const manager = this.run(controllerManagerCommand(this.#plan));
    // Pods and Secrets need the service account that this controller makes.
    await manager.waitUntil(() => this.#exists("/api/v1/namespaces/default/serviceaccounts/default"), READY_TIMEOUT_MS);
  }

  async #startApiServer(): Promise<void> {
    this.#apiServer = this.run(apiServerCommand(this.#plan));
    await this.#apiServer.waitUntil(() => this.#exists("/readyz"), READY_TIMEOUT_MS);
  }

  #exists(target: string): Promise<boolean> {
    const headers = { authorization: `Bearer ${this.#plan.credentials.adminToken}` };
    return new Promise((resolve) => {
      const asked = request(`${this.server}${target}`, { ca: this.certificateAuthority, headers }, (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      });
      asked.once("error", () => resolve(false)).end();
    });
  }
}

function serverOf(port: number): string {
  return `https://127.0.0.1:${port}`;
}

async function isOk(answer: Promise<Response>): Promise<boolean> {
  try {
    return (await answer).ok;
  } catch {
    return false;
  }
}

/** Starts a cluster; the caller stops it, in `afterAll` or by `await using`. */
export function startCluster(): Promise<Cluster> {
  return Cluster.start();
}
