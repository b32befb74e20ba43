import { ConfigError } from "../../errors.ts";
import { ApiError, isNotFound } from "../../kube/api-error.ts";
import { kubeconfigCredentials } from "../../kube/credentials.ts";
import { KubeClient } from "../../kube/kube-client.ts";
import { backupStorageLocations } from "../../operator/velero/velero-resources.ts";

/** As the user gave it. */
export interface ConnectionOptions {
  readonly namespace?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
}

export interface Connection {
  readonly client: KubeClient;
  /** Of OADP: where Velero's and our objects are. */
  readonly namespace: string;
}

/** Where OADP and Velero are installed unless somebody decides otherwise. */
const USUAL_NAMESPACES = ["openshift-adp", "velero"];

/** Calls the cluster for as long as `work` takes. */
export async function withConnection(
  options: ConnectionOptions,
  work: (connection: Connection) => Promise<number>,
): Promise<number> {
  const { kubeconfig, context } = options;
  const client = new KubeClient(await kubeconfigCredentials({ file: kubeconfig, context }));
  try {
    return await work({ client, namespace: options.namespace ?? (await namespaceOfVelero(client)) });
  } finally {
    client.close();
  }
}

/** @throws ConfigError when it cannot be told which one it is */
async function namespaceOfVelero(client: Pick<KubeClient, "list">): Promise<string> {
  const everywhere = await locationsIn(client, undefined);
  const found = everywhere ?? (await Promise.all(USUAL_NAMESPACES.map((name) => locationsIn(client, name)))).flat();
  const [first, ...others] = [...new Set(found.filter((name) => name !== undefined))];
  if (first === undefined) {
    throw new ConfigError("no BackupStorageLocation of Velero was found; say where OADP is with --namespace");
  }
  if (others.length === 0) return first;
  throw new ConfigError(`Velero is in several namespaces (${[first, ...others].join(", ")}); choose with --namespace`);
}

/** Namespaces of what is found; undefined when the user may not look there. */
async function locationsIn(
  client: Pick<KubeClient, "list">,
  namespace: string | undefined,
): Promise<string[] | undefined> {
  const found: string[] = [];
  try {
    for await (const { metadata } of client.list(backupStorageLocations, { namespace })) {
      if (metadata.namespace !== undefined) found.push(metadata.namespace);
    }
  } catch (error) {
    if (isNotFound(error)) return [];
    if (error instanceof ApiError && error.status === 403) return undefined;
    throw error;
  }
  return found;
}
