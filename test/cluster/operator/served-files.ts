import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { runTool } from "../../setup/run-tool.ts";
import type { Cluster } from "../control-plane/cluster.ts";
import { type FileRestore, namespaceOf } from "./file-restores.ts";

/** Every client that fetches a file. */
export const CLIENTS = ["curl", "sftp", "scp", "rsync"] as const;
export type Client = (typeof CLIENTS)[number];

/** The ports of a restore's pod, reached by real clients with what the status and the Secrets say. */
export class ServedFiles {
  /** Scratch space of these clients. */
  readonly directory: string;
  readonly #ip: string;
  readonly #host: string;
  readonly #login: string;

  private constructor(directory: string, ip: string, host: string, login: string) {
    this.directory = directory;
    this.#ip = ip;
    this.#host = host;
    this.#login = login;
  }

  /** Of a restore that is served both ways. */
  static async of(cluster: Cluster, restored: FileRestore): Promise<ServedFiles> {
    const namespace = namespaceOf(restored);
    const { podName = "", ssh, fileBrowser } = restored.status.fileServingInfo ?? {};
    const ip = await cluster.kubectl("-n", namespace, "get", "pod", podName, "-o", "jsonpath={.status.podIP}");
    const directory = path.join(cluster.directory, `fetched-${namespace}-${crypto.randomUUID()}`);
    mkdirSync(directory);
    const web = await secretOf(cluster, namespace, fileBrowser?.credentialsSecretRef?.name);
    const key = await secretOf(cluster, namespace, ssh?.credentialsSecretRef?.name);
    writeFileSync(path.join(directory, "ca.crt"), fileBrowser?.certificateAuthority ?? "");
    writeFileSync(path.join(directory, "id"), key["privateKey"] ?? "", { mode: 0o600 });
    const host = new URL(fileBrowser?.clusterAccess ?? "").hostname;
    return new ServedFiles(directory, ip, host, `${web["username"]}:${web["password"]}`);
  }

  /** Copies one file of the tree to a new file of this machine. @returns its path */
  async fetch(client: Client, file: string): Promise<string> {
    const target = path.join(this.directory, crypto.randomUUID());
    const remote = `oadp@${this.#ip}:${file}`;
    if (client === "curl") await this.curl(`/files${file}`, "-o", target);
    else if (client === "rsync") await this.rsync(remote, target);
    else await runTool(client, ["-q", "-P", "2222", ...this.#sshOptions(), remote, target]);
    return target;
  }

  /** Copies a directory of the tree, with all below it. @returns where it is now */
  async fetchDirectory(directory: string): Promise<string> {
    const target = path.join(this.directory, crypto.randomUUID());
    await this.rsync("-a", "--no-owner", "--no-group", `oadp@${this.#ip}:${directory}/`, target);
    return target;
  }

  /** Standard output of rsync over ssh. */
  rsync(...args: readonly string[]): Promise<string> {
    return runTool("rsync", ["-e", ["ssh", "-p", "2222", ...this.#sshOptions()].join(" "), ...args]);
  }

  /** Standard output of curl, as the user, for a path of the server. */
  curl(target: string, ...options: readonly string[]): Promise<string> {
    return runTool("curl", [
      ...["-sSf", "--cacert", path.join(this.directory, "ca.crt"), "-u", this.#login],
      ...["--connect-to", `${this.#host}:8443:${this.#ip}:8443`, ...options, `https://${this.#host}:8443${target}`],
    ]);
  }

  #sshOptions(): string[] {
    return [
      ...["-i", path.join(this.directory, "id"), "-o", "StrictHostKeyChecking=no", "-o", "BatchMode=yes"],
      ...["-o", `UserKnownHostsFile=${path.join(this.directory, "known_hosts")}`],
    ];
  }
}

async function secretOf(cluster: Cluster, namespace: string, name = ""): Promise<Record<string, string>> {
  const { data } = JSON.parse(await cluster.kubectl("-n", namespace, "get", "secret", name, "-o", "json")) as {
    data: Record<string, string>;
  };
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, "base64").toString("utf8")]),
  );
}
