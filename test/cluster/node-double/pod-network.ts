import { existsSync, readlinkSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { BackgroundProcess } from "../../setup/background-process.ts";
import { runTool } from "../../setup/run-tool.ts";

const READY_TIMEOUT_MS = 60_000;

/** One pod's network namespace. */
export interface PodInterface {
  readonly address: string;
  /** Holds the namespace as long as the pod lives, as a pause container does. */
  readonly pause: BackgroundProcess;
}

/**
 * A network namespace and an address for each pod, joined by a bridge that leads nowhere else: pods reach
 * each other, the test reaches them, and nothing off this machine does. Ports of the host's loopback are
 * reachable for pods only where the test exposes them on the bridge's own address.
 */
export class PodNetwork {
  readonly #bridge: string;
  readonly #prefix: string;
  readonly #used = new Set<string>();
  readonly #exposed = new Map<number, Server>();
  #interfaces = 0;

  private constructor(number: number) {
    this.#bridge = bridgeName(number);
    this.#prefix = `10.244.${number}`;
  }

  /** Takes the first network that no other running test has. */
  static async create(): Promise<PodNetwork> {
    for (let number = 0; number < 255; number++) {
      if (!(await claimBridge(bridgeName(number)))) continue;
      const network = new PodNetwork(number);
      await runTool("ip", ["address", "add", `${network.gateway}/24`, "dev", network.#bridge]);
      await runTool("ip", ["link", "set", network.#bridge, "up"]);
      return network;
    }
    throw new Error("no network is left for pods");
  }

  /** The host's address for pods. */
  get gateway(): string {
    return `${this.#prefix}.254`;
  }

  /** Makes a port of the host's 127.0.0.1 reachable at the gateway. */
  async expose(port: number): Promise<void> {
    if (this.#exposed.has(port)) return;
    const server = createServer((outside) => {
      const inside = connect(port, "127.0.0.1");
      outside.pipe(inside).pipe(outside);
      outside.once("error", () => inside.destroy());
      inside.once("error", () => outside.destroy());
    });
    this.#exposed.set(port, server);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, this.gateway, resolve);
    });
    server.unref();
  }

  async attach(name: string, logDirectory: string): Promise<PodInterface> {
    const address = this.#takeAddress();
    const pause = new BackgroundProcess({
      name: `${name}_pause`,
      command: "unshare",
      args: ["--net", "sleep", "infinity"],
      logDirectory,
    });
    const namespace = (pid: number | string) => readlinkSync(`/proc/${pid}/ns/net`);
    await pause.waitUntil(
      () => Promise.resolve(namespace(pause.pid ?? "self") !== namespace("self")),
      READY_TIMEOUT_MS,
    );
    const inside = ["--net", `--target=${pause.pid}`, "ip"];
    const end = `${this.#bridge}-${this.#interfaces++}`;
    await runTool("ip", ["link", "add", end, "type", "veth", "peer", "name", "eth0", "netns", String(pause.pid)]);
    await runTool("ip", ["link", "set", end, "master", this.#bridge, "up"]);
    await runTool("nsenter", [...inside, "link", "set", "lo", "up"]);
    await runTool("nsenter", [...inside, "address", "add", `${address}/24`, "dev", "eth0"]);
    await runTool("nsenter", [...inside, "link", "set", "eth0", "up"]);
    return { address, pause };
  }

  async detach({ address, pause }: PodInterface): Promise<void> {
    await pause.stop(1_000);
    this.#used.delete(address);
  }

  async remove(): Promise<void> {
    for (const server of this.#exposed.values()) server.close();
    await runTool("ip", ["link", "delete", this.#bridge]);
  }

  #takeAddress(): string {
    for (let host = 1; host < 254; host++) {
      const address = `${this.#prefix}.${host}`;
      if (this.#used.has(address)) continue;
      this.#used.add(address);
      return address;
    }
    throw new Error("no address is left for another pod");
  }
}

/** Interface names are short: at most 15 bytes, with the pods' numbers behind. */
function bridgeName(number: number): string {
  return `vmfr${number}`;
}

/** Creates the bridge, also in place of one whose test has died; false when another test has it. */
async function claimBridge(bridge: string): Promise<boolean> {
  const create = async () => {
    await runTool("ip", ["link", "add", bridge, "type", "bridge"]);
    await runTool("ip", ["link", "set", bridge, "alias", `process ${process.pid}`]);
  };
  try {
    await create();
    return true;
  } catch {
    const description = await runTool("ip", ["link", "show", bridge]);
    const [, owner] = /alias process (\d+)/.exec(description) ?? [];
    if (owner === undefined || existsSync(`/proc/${owner}`)) return false;
    await runTool("ip", ["link", "delete", bridge]);
    await create();
    return true;
  }
}
