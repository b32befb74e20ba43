import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { BackgroundProcess } from "../../setup/background-process.ts";
import { runTool } from "../../setup/run-tool.ts";
import { containerRootScript } from "./container-root.ts";
import { credentialsOf, type ProcessCredentials, setprivCommand } from "./credentials.ts";
import { type Environment, expand } from "./environment.ts";
import type { Image } from "./image.ts";
import type { Container, Pod } from "./pod-objects.ts";
import type { PodVolumes } from "./pod-volumes.ts";

/** Longer messages are cut, as a kubelet cuts them. */
const MAX_TERMINATION_MESSAGE_BYTES = 4096;

/** A pod's place in the network. */
export interface ContainerNetwork {
  readonly podIp: string;
  /** The host's address for pods. */
  readonly gateway: string;
  /** Whose network namespace the pod has. */
  readonly networkProcess: number;
}

export interface ContainerPlan {
  readonly pod: Pod;
  readonly network: ContainerNetwork;
  readonly container: Container;
  readonly image: Image;
  readonly environment: Environment;
  readonly volumes: PodVolumes;
  /** The container's own. */
  readonly directory: string;
  readonly logDirectory: string;
}

/**
 * One run of a container: the real program, in mount, PID and UTS namespaces of its own and its
 * pod's network namespace, with the pod's user, groups and capabilities.
 */
export class ContainerProcess {
  readonly startedAt = new Date().toISOString();
  readonly #process: BackgroundProcess;
  readonly #terminationLog: string;
  readonly #credentials: ProcessCredentials;

  constructor(plan: ContainerPlan) {
    const { pod, network, container, image, environment, volumes, directory, logDirectory } = plan;
    const root = path.join(directory, "root");
    mkdirSync(root, { recursive: true });
    this.#terminationLog = path.join(directory, "termination-log");
    writeFileSync(this.#terminationLog, "");
    chmodSync(this.#terminationLog, 0o666);
    this.#credentials = credentialsOf(pod, container, image);
    const script = path.join(directory, "start.sh");
    const deviceOwner = this.#credentials;
    const terminationLog = this.#terminationLog;
    writeFileSync(
      script,
      containerRootScript({ pod, network, container, image, volumes, root, terminationLog, deviceOwner }),
    );
    const command = container.command ?? image.entrypoint;
    const args = container.args ?? [];
    this.#process = new BackgroundProcess({
      name: `${pod.metadata.namespace}_${pod.metadata.name}_${container.name}`,
      command: "nsenter",
      args: [
        ...["--net", `--target=${network.networkProcess}`, "unshare"],
        ...["--mount", "--pid", "--uts", "--fork", "--kill-child=KILL", "--propagation=private", "/bin/sh", script],
        // What runs in the new root; --chdir comes after the root has changed.
        ...["/usr/bin/env", `--chdir=${container.workingDir ?? "/"}`],
        ...setprivCommand(this.#credentials),
        ...[...command, ...args].map((word) => expand(word, environment)),
      ],
      environment,
      logDirectory,
    });
  }

  get ended(): Promise<number | string> {
    return this.#process.ended;
  }

  get outcome(): number | string | undefined {
    return this.#process.outcome;
  }

  get logTail(): string {
    return this.#process.logTail();
  }

  get terminationMessage(): string {
    return readFileSync(this.#terminationLog).subarray(0, MAX_TERMINATION_MESSAGE_BYTES).toString();
  }

  /** Runs a command inside, as the container's own user; rejects when it fails. */
  async execute(command: readonly string[], environment: Environment): Promise<void> {
    const target = this.#insidePid();
    if (target === undefined) throw new Error("the container does not run");
    const enter = ["--target", String(target), "--net", "--mount", "--pid", "--uts", "--root", "--wd"];
    await runTool("nsenter", [...enter, ...setprivCommand(this.#credentials), ...command], environment);
  }

  /** SIGTERM to the container's first process, SIGKILL after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    const inside = this.#insidePid();
    if (inside === undefined) return this.#process.stop(graceMs);
    signal(inside, "SIGTERM");
    const insist = setTimeout(() => signal(inside, "SIGKILL"), graceMs);
    await this.#process.ended;
    clearTimeout(insist);
  }

  /** SIGKILL at once: what a failed liveness probe leads to in the end. */
  kill(): void {
    const inside = this.#insidePid();
    if (inside !== undefined) signal(inside, "SIGKILL");
  }

  /** The host's number of the container's process 1. */
  #insidePid(): number | undefined {
    const { pid, outcome } = this.#process;
    if (pid === undefined || outcome !== undefined) return undefined;
    try {
      const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
      return child === undefined || child === "" ? undefined : Number(child);
    } catch {
      return undefined;
    }
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended by itself in the meantime.
  }
}
