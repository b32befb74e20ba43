/**
 * Ports of a pod on this machine, by `kubectl port-forward`: whoever runs a plugin of kubectl has it, it logs in in
 * every way, and it passes on that a reader is slow, which the package's own forwarding over WebSockets does not.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { ConfigError, SourceError } from "../../errors.ts";

export interface PortForwardTarget {
  readonly namespace: string;
  readonly pod: string;
  /** Port of the pod to the port here, 0 for any free one. */
  readonly ports: ReadonlyMap<number, number>;
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
}

export interface PortForward {
  /** Port of the pod to the port here. */
  readonly ports: ReadonlyMap<number, number>;
  /** Resolves with what kubectl said last, once it has ended. */
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

const FORWARDING = /^Forwarding from 127\.0\.0\.1:(\d+) -> (\d+)$/;

/** @throws ConfigError without kubectl, SourceError when it cannot forward */
export async function forwardPorts(target: PortForwardTarget): Promise<PortForward> {
  const child = spawn("kubectl", portForwardArguments(target), { stdio: ["ignore", "pipe", "pipe"] });
  let complaints = "";
  child.stderr.on("data", (text: Buffer) => {
    complaints = `${complaints}${text}`.slice(-2_000);
  });
  const ended = once(child, "close").then(
    () => complaints.trim(),
    (error: NodeJS.ErrnoException) => {
      throw new ConfigError(`kubectl cannot be run: ${error.message}`);
    },
  );
  const ports = new Map<number, number>();
  const forwarding = new Promise<void>((resolve) => {
    createInterface(child.stdout).on("line", (line) => {
      const [, here, there] = FORWARDING.exec(line) ?? [];
      if (here !== undefined) ports.set(Number(there), Number(here));
      if (ports.size === target.ports.size) resolve();
    });
  });
  const failed = ended.then((said) => {
    throw new SourceError(`ports of pod ${target.pod} cannot be forwarded: ${said}`, { retryable: true });
  });
  await Promise.race([forwarding, failed]);
  // What comes from now on is told by `ended`.
  failed.catch(() => undefined);
  const stop = async () => {
    child.kill("SIGTERM");
    await ended;
  };
  return { ports, ended, stop };
}

export function portForwardArguments({ namespace, pod, ports, kubeconfig, context }: PortForwardTarget): string[] {
  return [
    "port-forward",
    "--address=127.0.0.1",
    `--namespace=${namespace}`,
    ...(kubeconfig === undefined ? [] : [`--kubeconfig=${kubeconfig}`]),
    ...(context === undefined ? [] : [`--context=${context}`]),
    `pod/${pod}`,
    ...[...ports].map(([there, here]) => `${here === 0 ? "" : here}:${there}`),
  ];
}
