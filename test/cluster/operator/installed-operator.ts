import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { asYaml, installationManifests } from "../../../src/operator/deployment/manifests.ts";
import type { Cluster } from "../control-plane/cluster.ts";
import type { NodeDouble } from "../node-double/node-double.ts";
import { VMFR_IMAGE } from "../node-double/vmfr-image.ts";

export const DEPLOYMENT = "oadp-vm-file-restore-controller-manager";
const SELECTOR = "control-plane=oadp-vm-file-restore-controller";

/** The operator as users install it: its manifests applied, its pod run with its service account's rights. */
export class InstalledOperator {
  readonly namespace: string;
  readonly #cluster: Cluster;
  readonly #node: NodeDouble;

  private constructor(cluster: Cluster, node: NodeDouble, namespace: string) {
    this.#cluster = cluster;
    this.#node = node;
    this.namespace = namespace;
  }

  /** @param flags more than the Deployment has */
  static async install(
    cluster: Cluster,
    node: NodeDouble,
    namespace: string,
    flags: readonly string[] = [],
  ): Promise<InstalledOperator> {
    await InstalledOperator.applyManifests(cluster, namespace);
    const operator = new InstalledOperator(cluster, node, namespace);
    if (flags.length > 0) await operator.addFlags(flags);
    await operator.waitUntilReady();
    return operator;
  }

  /** Everything but a pod that runs, with `replicas` 0. */
  static async applyManifests(cluster: Cluster, namespace: string, replicas = 1): Promise<void> {
    const file = path.join(cluster.directory, "vmfr.yaml");
    writeFileSync(file, asYaml(installationManifests({ namespace, image: VMFR_IMAGE })));
    await cluster.kubectl("apply", "--server-side", "--filename", file);
    if (replicas === 1) return;
    await cluster.kubectl("-n", namespace, "scale", `deployment/${DEPLOYMENT}`, `--replicas=${replicas}`);
  }

  async addFlags(flags: readonly string[]): Promise<void> {
    const patch = flags.map((value) => ({ op: "add", path: "/spec/template/spec/containers/0/args/-", value }));
    await this.#kubectl("patch", `deployment/${DEPLOYMENT}`, "--type=json", `--patch=${JSON.stringify(patch)}`);
  }

  async waitUntilReady(): Promise<void> {
    try {
      await this.#kubectl("rollout", "status", `deployment/${DEPLOYMENT}`, "--timeout=180s");
    } catch (error) {
      const pods = await this.#kubectl("describe", "pods", "-l", SELECTOR);
      throw new Error(`the operator is not ready: ${pods}\n${await this.log()}`, { cause: error });
    }
  }

  /** As a node that fails: no chance to write anything, or to give the lease back. */
  async kill(): Promise<void> {
    await this.#kubectl("delete", "pods", "-l", SELECTOR, "--grace-period=0", "--force");
  }

  async podNames(): Promise<string[]> {
    const names = await this.#kubectl("get", "pods", "-l", SELECTOR, "-o", "jsonpath={.items[*].metadata.name}");
    return names.split(" ").filter((name) => name !== "");
  }

  /** What every replica has logged, for messages of tests that wait in vain. */
  async log(): Promise<string> {
    const logs = (await this.podNames()).map((pod) => {
      try {
        return readFileSync(this.#node.logFileOf(this.namespace, pod, "manager"), "utf8");
      } catch {
        return "";
      }
    });
    return logs.join("\n");
  }

  #kubectl(...args: readonly string[]): Promise<string> {
    return this.#cluster.kubectl("--namespace", this.namespace, ...args);
  }
}
