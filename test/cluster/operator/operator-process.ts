import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { BackgroundProcess } from "../../setup/background-process.ts";
import type { Cluster } from "../control-plane/cluster.ts";
import { kubeconfig } from "../control-plane/credentials.ts";
import { VMFR_IMAGE } from "../node-double/vmfr-image.ts";
import type { FaultProxy } from "./fault-proxy.ts";
import type { Operator } from "./file-restores.ts";
import { DEPLOYMENT } from "./installed-operator.ts";

const program = path.resolve(import.meta.dirname, "../../../dist/vmfr.mjs");

/** The operator's program as a process of this machine, with its service account's rights, so that it can be ended at any moment. */
export class OperatorProcess implements Operator {
  readonly namespace: string;
  readonly #cluster: Cluster;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #arguments: readonly string[];
  readonly #name: string;
  #process: BackgroundProcess | undefined;

  private constructor(
    cluster: Cluster,
    namespace: string,
    name: string,
    args: readonly string[],
    environment: NodeJS.ProcessEnv,
  ) {
    this.namespace = namespace;
    this.#cluster = cluster;
    this.#name = name;
    this.#arguments = args;
    this.#environment = environment;
  }

  /**
   * @param namespace where it is installed, and Velero too
   * @param proxy by which it reaches the API server
   */
  static async prepare(
    cluster: Cluster,
    namespace: string,
    proxy: FaultProxy,
    { name = "operator", leaderElect = false }: { readonly name?: string; readonly leaderElect?: boolean } = {},
  ): Promise<OperatorProcess> {
    if (!existsSync(program)) throw new Error("dist/vmfr.mjs is missing: run `npm run build` first");
    const token = await cluster.kubectl("--namespace", namespace, "create", "token", DEPLOYMENT);
    const file = path.join(cluster.directory, `${name}.kubeconfig`);
    writeFileSync(file, kubeconfig(proxy.url, proxy.certificateAuthority, token.trim()), { mode: 0o600 });
    const args = ["operator", `--kubeconfig=${file}`, "--metrics-bind-address=0", "--health-probe-bind-address=0"];
    return new OperatorProcess(cluster, namespace, name, leaderElect ? [...args, "--leader-elect"] : args, {
      PATH: process.env["PATH"],
      WATCH_NAMESPACE: namespace,
      POD_NAMESPACE: namespace,
      POD_NAME: name,
      VMFR_IMAGE,
    });
  }

  start(): void {
    this.#process = this.#cluster.run({
      name: this.#name,
      command: process.env["VMFR_TEST_NODE"] ?? process.execPath,
      args: [program, ...this.#arguments],
      environment: this.#environment,
    });
  }

  /** SIGKILL, SIGSTOP, SIGCONT: whatever the process does at that moment, it does not get to know first. */
  signal(signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    if (this.#process?.pid === undefined || this.#process.outcome !== undefined) throw this.#gone();
    process.kill(this.#process.pid, signal);
  }

  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.#process?.ended;
  }

  /** @returns exit status */
  async ended(): Promise<number | string> {
    if (this.#process === undefined) throw this.#gone();
    return this.#process.ended;
  }

  async log(): Promise<string> {
    return this.#process?.logTail() ?? "";
  }

  #gone(): Error {
    return new Error(`${this.#name} does not run: ${this.#process?.outcome}; see ${this.#process?.logFile}`);
  }
}
