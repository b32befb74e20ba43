import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { ContainerRunner, type PodContext } from "./container-runner.ts";
import { type Pod, pathOf } from "./pod-objects.ts";
import { type PodProgress, podStatus, type Transitions } from "./pod-status.ts";

const MOUNT_RETRY_MS = 1_000;

/** Plays the kubelet for one pod: volumes, init containers in order, containers, status. */
export class PodRunner {
  readonly #context: PodContext;
  readonly #initContainers: readonly ContainerRunner[];
  readonly #containers: readonly ContainerRunner[];
  readonly #transitions: Transitions = new Map();
  readonly #startTime = new Date().toISOString();
  readonly #life: Promise<void>;
  #phase: PodProgress["phase"] = "Pending";
  #isInitialized = false;
  #message: string | undefined;
  #published: object | undefined;
  #ending: Promise<void> | undefined;

  constructor(context: PodContext) {
    this.#context = context;
    const { initContainers = [], containers } = this.pod.spec;
    this.#initContainers = initContainers.map((container) => new ContainerRunner(context, container));
    this.#containers = containers.map((container) => new ContainerRunner(context, container));
    this.#life = this.#live();
  }

  get pod(): Pod {
    return this.#context.identity.pod;
  }

  get podIp(): string {
    return this.#context.identity.podIp;
  }

  /** Writes the status when it has changed. */
  async publish(): Promise<void> {
    const status = podStatus(this.#progress(), this.#transitions);
    if (isDeepStrictEqual(status, this.#published)) return;
    await this.#context.api.patch(`${pathOf(this.pod)}/status`, { status });
    this.#published = status;
  }

  /** Ends all containers and gives the volumes back. */
  end(graceMs: number): Promise<void> {
    this.#ending ??= this.#end(graceMs);
    return this.#ending;
  }

  async #end(graceMs: number): Promise<void> {
    await Promise.all([...this.#containers, ...this.#initContainers].map((container) => container.stop(graceMs)));
    await this.#life;
  }

  async #live(): Promise<void> {
    const { volumes } = this.#context;
    try {
      if ((await this.#mount()) && (await this.#initialize())) await this.#runContainers();
    } finally {
      await volumes.unmountAll();
    }
  }

  /** Tries until it succeeds, as a kubelet does; false when the pod ends before. */
  async #mount(): Promise<boolean> {
    while (this.#ending === undefined) {
      try {
        await this.#context.volumes.mountAll();
        this.#message = undefined;
        return true;
      } catch (error) {
        this.#message = `MountVolume.SetUp failed: ${(error as Error).message}`;
        await sleep(MOUNT_RETRY_MS);
      }
    }
    return false;
  }

  /** False when the pod has failed or is ending. */
  async #initialize(): Promise<boolean> {
    const policy = this.pod.spec.restartPolicy === "Never" ? "Never" : "OnFailure";
    for (const container of this.#initContainers) {
      const exitCode = await container.run(policy);
      if (this.#ending !== undefined) return false;
      if (exitCode !== 0) {
        this.#phase = "Failed";
        return false;
      }
    }
    this.#isInitialized = true;
    return true;
  }

  async #runContainers(): Promise<void> {
    this.#phase = "Running";
    const policy = (this.pod.spec.restartPolicy ?? "Always") as "Always" | "OnFailure" | "Never";
    const exitCodes = await Promise.all(this.#containers.map((container) => container.run(policy)));
    this.#phase = exitCodes.every((exitCode) => exitCode === 0) ? "Succeeded" : "Failed";
  }

  #progress(): PodProgress {
    return {
      phase: this.#phase,
      isInitialized: this.#isInitialized,
      podIp: this.podIp,
      startTime: this.#startTime,
      message: this.#message,
      initContainers: this.#initContainers,
      containers: this.#containers,
    };
  }
}
