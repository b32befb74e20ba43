import { expect } from "vitest";
import type { VirtualMachineFileRestoreStatus } from "../../../src/operator/api/v1alpha1/virtual-machine-file-restore.ts";
import type { Cluster } from "../control-plane/cluster.ts";

const API_VERSION = "oadp.openshift.io/v1alpha1";
const ORIGIN_LABEL = "oadp.openshift.io/vmfr-origin-uuid";
/** Until a resource has the phase a test waits for, on a machine that is busy with other things. */
export const PATIENCE_MS = 240_000;

export interface VmName {
  readonly namespace: string;
  readonly name: string;
}

/** An object of ours as `kubectl get -o json` shows it. */
export interface Shown<Status> {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly status: Status;
}

export type FileRestore = Shown<VirtualMachineFileRestoreStatus>;

/** The namespace that a restore makes its objects in. */
export function namespaceOf({ metadata, status }: FileRestore): string {
  if (status.createdNamespace === undefined) throw new Error(`${metadata.name} has no namespace`);
  return status.createdNamespace;
}

/** However it runs. */
export interface Operator {
  /** Where the resources it works on are. */
  readonly namespace: string;
  /** What it has logged, for messages of tests that wait in vain. */
  log(): Promise<string>;
}

/** An administrator who discovers backups and restores files by kubectl, in the operator's namespace. */
export class FileRestores {
  readonly #cluster: Cluster;
  readonly #operator: Operator;

  constructor(cluster: Cluster, operator: Operator) {
    this.#cluster = cluster;
    this.#operator = operator;
  }

  kubectl(...args: readonly string[]): Promise<string> {
    return this.#cluster.kubectl("--namespace", this.#operator.namespace, ...args);
  }

  /** Applies a discovery and a restore of all it finds, both of that name, in the same second. */
  async create(name: string, vm: VmName, spec: object, discovery: object = {}): Promise<void> {
    await this.#cluster.apply(this.#discovery(name, vm, discovery), this.#restore(name, name, spec));
  }

  async discover(name: string, vm: VmName, spec: object = {}): Promise<void> {
    await this.#cluster.apply(this.#discovery(name, vm, spec));
  }

  /** @param discovery name of the discovery that it refers to */
  async restore(name: string, discovery: string, spec: object): Promise<void> {
    await this.#cluster.apply(this.#restore(name, discovery, spec));
  }

  /**
   * @param resource as kubectl takes it: `vmfr/name`
   * @throws with the object and the operator's log when it is not in that phase in time
   */
  async waitFor<Status>(resource: string, phase: string): Promise<Shown<Status>> {
    try {
      await this.kubectl("wait", `--for=jsonpath={.status.phase}=${phase}`, resource, `--timeout=${PATIENCE_MS}ms`);
    } catch (error) {
      const state = await this.kubectl("get", resource, "-o", "yaml");
      throw new Error(`${resource} is not ${phase}: ${state}\n${await this.#operator.log()}`, { cause: error });
    }
    return JSON.parse(await this.kubectl("get", resource, "-o", "json")) as Shown<Status>;
  }

  reach(phase: string, name: string): Promise<FileRestore> {
    return this.waitFor(`vmfr/${name}`, phase);
  }

  /** `<pvc>` of the restore's namespace, sorted. */
  async claimsOf(restored: FileRestore): Promise<string[]> {
    const claims = await this.#cluster.kubectl("-n", namespaceOf(restored), "get", "pvc", "-o", "name");
    return lines(claims).map((claim) => claim.replace("persistentvolumeclaim/", ""));
  }

  /** Names of the Velero Restores that any file restore has made. */
  async veleroRestores(): Promise<string[]> {
    return lines(await this.kubectl("get", "restores.velero.io", "-l", ORIGIN_LABEL, "-o", "name"));
  }

  /** Deletes a restore and the discovery of its name, and expects everything that was made for them to go too. */
  async expectNothingLeft(restored: FileRestore): Promise<void> {
    const { name } = restored.metadata;
    await this.kubectl("delete", `vmfr/${name}`, `vmbd/${name}`, "--timeout=120s");
    await expect(this.#cluster.kubectl("get", "namespace", namespaceOf(restored))).rejects.toThrow(/NotFound/);
    const kinds = ["restores.velero.io", "downloadrequests.velero.io", "configmaps", "secrets"];
    expect(await this.kubectl("get", kinds.join(","), "-l", ORIGIN_LABEL, "-o", "name")).toBe("");
  }

  #discovery(name: string, vm: VmName, spec: object): object {
    const wanted = { virtualMachineName: vm.name, virtualMachineNamespace: vm.namespace };
    return this.#object("VirtualMachineBackupsDiscovery", name, { ...wanted, ...spec });
  }

  #restore(name: string, discovery: string, spec: object): object {
    return this.#object("VirtualMachineFileRestore", name, { backupsDiscoveryRef: discovery, ...spec });
  }

  #object(kind: string, name: string, spec: object): object {
    return { apiVersion: API_VERSION, kind, metadata: { name, namespace: this.#operator.namespace }, spec };
  }
}

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}
