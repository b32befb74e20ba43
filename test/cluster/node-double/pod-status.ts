import type { ContainerRunner } from "./container-runner.ts";

/** How far a pod has come, told by its runner. */
export interface PodProgress {
  readonly phase: "Pending" | "Running" | "Succeeded" | "Failed";
  readonly isInitialized: boolean;
  readonly podIp: string;
  readonly startTime: string;
  readonly message?: string | undefined;
  readonly initContainers: readonly ContainerRunner[];
  readonly containers: readonly ContainerRunner[];
}

/** When each condition last changed. */
export type Transitions = Map<string, { readonly isTrue: boolean; readonly time: string }>;

/** The pod's status as a kubelet writes it. */
export function podStatus(progress: PodProgress, transitions: Transitions): object {
  const { phase, isInitialized, podIp, startTime, message, initContainers, containers } = progress;
  const isReady = phase === "Running" && containers.every((container) => container.ready);
  const condition = (type: string, isTrue: boolean) => {
    const before = transitions.get(type);
    const time = before?.isTrue === isTrue ? before.time : new Date().toISOString();
    transitions.set(type, { isTrue, time });
    return { type, status: isTrue ? "True" : "False", lastTransitionTime: time };
  };
  return {
    phase,
    podIP: podIp,
    podIPs: [{ ip: podIp }],
    hostIP: "127.0.0.1",
    startTime,
    ...(message === undefined ? {} : { message }),
    conditions: [
      condition("PodScheduled", true),
      condition("Initialized", isInitialized),
      condition("ContainersReady", isReady),
      condition("Ready", isReady),
    ],
    initContainerStatuses: initContainers.map((runner) => ({
      ...containerStatus(runner),
      ready: hasCompleted(runner),
    })),
    containerStatuses: containers.map(containerStatus),
  };
}

function containerStatus(runner: ContainerRunner): object {
  const { container, state, lastTermination, restartCount, ready, started } = runner;
  return {
    name: container.name,
    image: container.image,
    imageID: container.image,
    state,
    ...(lastTermination !== undefined && !("terminated" in state)
      ? { lastState: { terminated: lastTermination } }
      : {}),
    restartCount,
    ready,
    started,
  };
}

/** What "ready" means for an init container. */
function hasCompleted({ state }: ContainerRunner): boolean {
  return "terminated" in state && state.terminated.exitCode === 0;
}
