/** Credentials from a kubeconfig, with all its ways to log in, or from the pod's service account. */
import { readFile } from "node:fs/promises";
import type { Agent } from "node:http";
import type { RequestOptions } from "node:https";
import path from "node:path";
import type { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import { AccessError, ConfigError } from "../errors.ts";
import { type ClusterCredentials, type Identity, RenewedCredentials } from "./authorization.ts";
import { type Clock, systemClock } from "./clock.ts";

export interface KubeconfigOptions {
  /** Absent: `$KUBECONFIG`, `~/.kube/config`, then the pod's service account, as kubectl does. */
  readonly file?: string | undefined;
  /** Absent: the kubeconfig's current context. */
  readonly context?: string | undefined;
  readonly clock?: Clock;
}

/** @throws ConfigError when there is no kubeconfig, it cannot be read, or it lacks the context */
export async function kubeconfigCredentials(options: KubeconfigOptions = {}): Promise<ClusterCredentials> {
  let config = await loadKubeconfig(options);
  const server = config.getCurrentCluster()?.server ?? "";
  const namespace = config.getContextObject(config.getCurrentContext())?.namespace;
  const load = async (fresh: boolean) => {
    // Also forgets what a credential plugin said before, which the package would repeat.
    if (fresh) config = await loadKubeconfig(options);
    return await identityOf(config);
  };
  return new RenewedCredentials({ server: serverUrl(server), namespace }, load, options.clock ?? systemClock);
}

async function loadKubeconfig({ file, context }: KubeconfigOptions): Promise<KubeConfig> {
  // Loaded only for those who have a kubeconfig, and only this file of it: the whole package is five times as large.
  const { KubeConfig } = await import("@kubernetes/client-node/dist/config.js");
  const config = new KubeConfig();
  try {
    if (file === undefined) config.loadFromDefault();
    else config.loadFromFile(file);
  } catch (error) {
    throw new ConfigError(`${file ?? "kubeconfig"}: cannot be used: ${(error as Error).message}`);
  }
  if (context !== undefined) config.setCurrentContext(context);
  if (config.getCurrentCluster() === null || config.getCurrentUser() === null) {
    throw new ConfigError(`${file ?? "kubeconfig"}: context "${config.getCurrentContext()}" is missing or incomplete`);
  }
  // What the package assumes when it has found nothing at all.
  if (config.getCurrentContext() === "loaded-context") {
    throw new ConfigError("no kubeconfig was found; name one with KUBECONFIG or put it at ~/.kube/config");
  }
  return config;
}

async function identityOf(config: KubeConfig): Promise<Identity> {
  const options: RequestOptions = {};
  try {
    await config.applyToHTTPSOptions(options);
  } catch (error) {
    // A credential plugin's own words say how to log in again.
    throw new AccessError(`kubeconfig: user "${config.getCurrentUser()?.name}": ${(error as Error).message.trim()}`);
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) headers[name] = String(value).trim();
  if (options.auth) headers["Authorization"] = `Basic ${Buffer.from(options.auth).toString("base64")}`;
  const { ca, cert, key, servername, rejectUnauthorized } = options as Identity["tls"];
  const usesProxy = config.getCurrentCluster()?.proxyUrl !== undefined;
  return {
    headers,
    tls: { ca, cert, key, servername, rejectUnauthorized },
    ...(usesProxy ? { proxyAgent: options.agent as Agent } : {}),
  };
}

export interface InClusterOptions {
  /** `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT` of the pod. */
  readonly host: string;
  readonly port: string;
  /** Where the service account's token, CA and namespace are mounted. */
  readonly directory?: string;
  readonly clock?: Clock;
}

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * The pod's service account, without the package that reads kubeconfigs.
 *
 * @throws ConfigError when the files are not mounted
 */
export async function inClusterCredentials(options: InClusterOptions): Promise<ClusterCredentials> {
  const { host, port, directory = SERVICE_ACCOUNT, clock = systemClock } = options;
  const read = async (name: string) => {
    try {
      return await readFile(path.join(directory, name), "utf8");
    } catch (error) {
      throw new ConfigError(`service account: ${(error as Error).message}`);
    }
  };
  const server = serverUrl(`https://${host.includes(":") ? `[${host}]` : host}:${port}`);
  const namespace = (await read("namespace")).trim();
  const load = async (): Promise<Identity> => ({
    headers: { Authorization: `Bearer ${(await read("token")).trim()}` },
    tls: { ca: await read("ca.crt") },
  });
  return new RenewedCredentials({ server, namespace }, load, clock);
}

function serverUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["https:", "http:"].includes(url.protocol)) {
    throw new ConfigError(`"${text}" is not the address of an API server`);
  }
  return url;
}
