import { writeFileSync } from "node:fs";
import path from "node:path";
import { type Clock, systemClock } from "../../../src/kube/clock.ts";
import { kubeconfigCredentials } from "../../../src/kube/credentials.ts";
import { EventRecorder } from "../../../src/kube/event-recorder.ts";
import { Informer } from "../../../src/kube/informer.ts";
import { KubeClient } from "../../../src/kube/kube-client.ts";
import { virtualMachineBackupsDiscoveries } from "../../../src/operator/api/v1alpha1/virtual-machine-backups-discovery.ts";
import { backupInformer, createDiscoveryController } from "../../../src/operator/discovery/discovery-controller.ts";
import { RecordedLog } from "../../fixtures/kube/recorded-log.ts";
import type { Cluster } from "../control-plane/cluster.ts";

export interface DiscoveryRights {
  /** Name of the service account that is made for it. */
  readonly name: string;
  /** Whether it may read Velero's Secrets, and so the bucket. */
  readonly secrets: boolean;
  /** How far its clock is ahead. */
  readonly aheadMs?: number;
}

/** All that discovery needs to be allowed. */
const RULES = [
  {
    apiGroups: ["oadp.openshift.io"],
    resources: ["virtualmachinebackupsdiscoveries"],
    verbs: ["get", "list", "watch"],
  },
  { apiGroups: ["oadp.openshift.io"], resources: ["virtualmachinebackupsdiscoveries/status"], verbs: ["update"] },
  { apiGroups: ["velero.io"], resources: ["backups"], verbs: ["get", "list", "watch"] },
  { apiGroups: ["velero.io"], resources: ["backupstoragelocations"], verbs: ["get"] },
  { apiGroups: ["velero.io"], resources: ["downloadrequests"], verbs: ["create", "get", "delete"] },
  { apiGroups: ["events.k8s.io"], resources: ["events"], verbs: ["create", "patch"] },
];
const SECRETS = { apiGroups: [""], resources: ["secrets"], verbs: ["get"] };

/** The discovery controller as the operator runs it, as a service account with exactly the rights it needs. */
export class RunningDiscovery {
  readonly log = new RecordedLog();
  readonly #stop = new AbortController();
  readonly #client: KubeClient;
  readonly #finished: Promise<void>;

  private constructor(client: KubeClient, namespace: string, aheadMs = 0) {
    this.#client = client;
    const { signal } = this.#stop;
    const { log } = this;
    const { monotonic, after } = systemClock;
    const clock: Clock = { now: () => systemClock.now() + aheadMs, monotonic, after };
    const discoveries = new Informer({ client, type: virtualMachineBackupsDiscoveries, namespace, log });
    const backups = backupInformer(client, namespace, log);
    const events = new EventRecorder({ client, controller: "oadp.openshift.io/discovery", instance: "test", log });
    const controller = createDiscoveryController({ client, discoveries, backups, events, log, clock });
    discoveries.start(signal);
    backups.start(signal);
    this.#finished = controller.run(signal).then(() => events.flush());
  }

  static async start(
    cluster: Cluster,
    namespace: string,
    { name, secrets, aheadMs }: DiscoveryRights,
  ): Promise<RunningDiscovery> {
    const metadata = { name, namespace };
    const rbac = "rbac.authorization.k8s.io";
    await cluster.apply(
      { apiVersion: "v1", kind: "ServiceAccount", metadata },
      { apiVersion: `${rbac}/v1`, kind: "Role", metadata, rules: secrets ? [...RULES, SECRETS] : RULES },
      {
        apiVersion: `${rbac}/v1`,
        kind: "RoleBinding",
        metadata,
        roleRef: { apiGroup: rbac, kind: "Role", name },
        subjects: [{ kind: "ServiceAccount", name, namespace }],
      },
    );
    const file = path.join(cluster.directory, `${name}.kubeconfig`);
    writeFileSync(file, await cluster.kubeconfigOf(namespace, name), { mode: 0o600 });
    return new RunningDiscovery(new KubeClient(await kubeconfigCredentials({ file })), namespace, aheadMs);
  }

  /** Also waits for what runs. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#finished;
    this.#client.close();
  }
}
