import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { V1Probe } from "@kubernetes/client-node";
import type { KubernetesApi } from "../control-plane/kubernetes-api.ts";
import { ContainerProcess } from "./container-process.ts";
import { type Environment, environmentOf } from "./environment.ts";
import type { Image, Images } from "./image.ts";
import type { Container, PodIdentity } from "./pod-objects.ts";
import type { PodVolumes } from "./pod-volumes.ts";
import { probe } from "./probe.ts";

/** A kubelet's grows from 10 s to 5 min; tests would rather not wait. */
const RESTART_DELAY_MS = 1_000;

/** What the containers of one pod share. */
export interface PodContext {
  readonly api: KubernetesApi;
  readonly apiServerPort: number;
  /** The host's address for pods. */
  readonly gateway: string;
  /** Whose network namespace the pod has. */
  readonly networkProcess: number;
  readonly images: Images;
  readonly identity: PodIdentity;
  readonly volumes: PodVolumes;
  readonly directory: string;
  readonly logDirectory: string;
}

export type ContainerState =
  | { readonly waiting: { readonly reason: string; readonly message?: string } }
  | { readonly running: { readonly startedAt: string } }
  | { readonly terminated: TerminatedState };

export interface TerminatedState {
  readonly exitCode: number;
  readonly reason: string;
  readonly message?: string;
  readonly startedAt: string;
  readonly finishedAt: string;
}

/** Starts a container, starts it again as the pod's policy says, and asks its probes. */
export class ContainerRunner {
  readonly container: Container;
  state: ContainerState = { waiting: { reason: "ContainerCreating" } };
  lastTermination: TerminatedState | undefined;
  restartCount = 0;
  started = false;
  ready = false;
  readonly #context: PodContext;
  #process: ContainerProcess | undefined;
  #stopping = false;

  constructor(context: PodContext, container: Container) {
    this.#context = context;
    this.container = container;
  }

  /** Ends when the container will not run again, with its last exit code. */
  async run(restart: "Always" | "OnFailure" | "Never"): Promise<number> {
    for (;;) {
      const exitCode = await this.#runOnce();
      if (this.#stopping) return exitCode ?? 0;
      if (exitCode !== undefined && (restart === "Never" || (restart === "OnFailure" && exitCode === 0)))
        return exitCode;
      await sleep(RESTART_DELAY_MS);
      if (this.#stopping) return exitCode ?? 0;
      if (exitCode !== undefined) this.restartCount++;
    }
  }

  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    await this.#process?.stop(graceMs);
  }

  /** The exit code; undefined when it could not start, which is tried again: a missing Secret may come later. */
  async #runOnce(): Promise<number | undefined> {
    try {
      const image = this.#image();
      const { api, identity, apiServerPort } = this.#context;
      const environment = await environmentOf(api, identity, this.container, image, apiServerPort);
      if (this.#stopping) return undefined;
      const current = this.#start(image, environment);
      const watch = new AbortController();
      const probing = this.#watch(current, environment, watch.signal);
      const outcome = await current.ended;
      watch.abort();
      await probing;
      return this.#terminated(outcome, current);
    } catch (error) {
      const message = (error as Error).message;
      this.state = { waiting: { reason: "CreateContainerConfigError", message } };
      return undefined;
    }
  }

  #image(): Image {
    const image = this.#context.images.get(this.container.image ?? "");
    if (image === undefined) throw new Error(`the node double has no image ${this.container.image}`);
    return image;
  }

  #start(image: Image, environment: Environment): ContainerProcess {
    const { identity, gateway, networkProcess, volumes, directory, logDirectory } = this.#context;
    const { container } = this;
    const own = path.join(directory, "containers", `${container.name}-${this.restartCount}`);
    const { pod, podIp } = identity;
    const network = { podIp, gateway, networkProcess };
    const plan = { pod, network, container, image, environment, volumes, directory: own, logDirectory };
    const started = new ContainerProcess(plan);
    this.#process = started;
    this.state = { running: { startedAt: started.startedAt } };
    this.started = container.startupProbe === undefined;
    this.ready = this.started && container.readinessProbe === undefined;
    return started;
  }

  #terminated(outcome: number | string, ended: ContainerProcess): number {
    const exitCode = typeof outcome === "number" ? outcome : 137;
    const { terminationMessage } = ended;
    const fallsBack = this.container.terminationMessagePolicy === "FallbackToLogsOnError" && exitCode !== 0;
    const message = terminationMessage === "" && fallsBack ? ended.logTail : terminationMessage;
    const terminated = {
      exitCode,
      reason: exitCode === 0 ? "Completed" : "Error",
      ...(message === "" ? {} : { message }),
      startedAt: ended.startedAt,
      finishedAt: new Date().toISOString(),
    };
    this.state = { terminated };
    this.lastTermination = terminated;
    this.ready = false;
    this.started = false;
    return exitCode;
  }

  /** Startup probe first, then readiness and liveness side by side, until `signal`. */
  async #watch(current: ContainerProcess, environment: Environment, signal: AbortSignal): Promise<void> {
    const { startupProbe, readinessProbe, livenessProbe } = this.container;
    const ask = (definition: V1Probe) =>
      probe(definition, {
        podIp: this.#context.identity.podIp,
        container: this.container,
        process: current,
        environment,
      });
    if (startupProbe !== undefined) {
      await repeat(startupProbe, ask, signal, (isSuccess, failures) => {
        this.started = isSuccess;
        if (failures >= (startupProbe.failureThreshold ?? 3)) current.kill();
        return !isSuccess;
      });
      if (this.started) this.ready = readinessProbe === undefined;
    }
    const readiness = async () => {
      if (readinessProbe === undefined) return;
      await repeat(readinessProbe, ask, signal, (isSuccess, failures) => {
        if (isSuccess) this.ready = true;
        else if (failures >= (readinessProbe.failureThreshold ?? 3)) this.ready = false;
        return true;
      });
    };
    const liveness = async () => {
      if (livenessProbe === undefined) return;
      await repeat(livenessProbe, ask, signal, (_isSuccess, failures) => {
        if (failures >= (livenessProbe.failureThreshold ?? 3)) current.kill();
        return true;
      });
    };
    await Promise.all([readiness(), liveness()]);
  }
}

/** Asks every period until `signal`, or until `judge`, told the answer and how many failed in a row, says enough. */
async function repeat(
  definition: V1Probe,
  ask: (definition: V1Probe) => Promise<boolean>,
  signal: AbortSignal,
  judge: (isSuccess: boolean, failures: number) => boolean,
): Promise<void> {
  let failures = 0;
  let delayMs = (definition.initialDelaySeconds ?? 0) * 1000;
  while (await pause(delayMs, signal)) {
    const isSuccess = await ask(definition);
    if (signal.aborted) return;
    failures = isSuccess ? 0 : failures + 1;
    if (!judge(isSuccess, failures)) return;
    delayMs = (definition.periodSeconds ?? 10) * 1000;
  }
}

/** False when `signal` came first. */
async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(ms, undefined, { signal });
    return !signal.aborted;
  } catch {
    return false;
  }
}
