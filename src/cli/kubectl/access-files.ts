/** What somebody needs to log in to a file-serving pod: taken from the cluster, kept in a private folder meanwhile. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { SourceError } from "../../errors.ts";
import type { KubeClient } from "../../kube/kube-client.ts";
import { configMaps, secrets } from "../../kube/resources.ts";
import type { FileServingInfo } from "../../operator/api/v1alpha1/file-access.ts";
import { DEFAULT_USERNAME, secretKeys } from "../../operator/api/v1alpha1/names.ts";

export interface WebAccess {
  readonly user: string;
  readonly password: string;
  /** The name in the server's certificate. */
  readonly host: string;
  /** Absent when the cluster does not tell which authority it uses. */
  readonly caFile?: string;
}

export interface SshAccess {
  readonly user: string;
  /** Absent when users log in with keys of their own. */
  readonly privateKeyFile?: string;
  readonly knownHostsFile: string;
  readonly hostKeyFingerprint?: string;
}

export interface AccessFiles {
  readonly web?: WebAccess;
  readonly ssh?: SshAccess;
  /** Removes the folder. */
  remove(): Promise<void>;
}

/** On OpenShift in every namespace: the authority of Services' certificates. */
const SERVICE_CA = { name: "openshift-service-ca.crt", key: "service-ca.crt" };

type Client = Pick<KubeClient, "get" | "find">;

/** @throws ApiError when the user may not read the Secrets */
export async function writeAccessFiles(
  client: Client,
  namespace: string,
  { fileBrowser, ssh }: FileServingInfo,
): Promise<AccessFiles> {
  const directory = await mkdtemp(path.join(tmpdir(), "kubectl-vmfr-"));
  const remove = () => rm(directory, { recursive: true, force: true });
  const file = async (name: string, content: string): Promise<string> => {
    const location = path.join(directory, name);
    await writeFile(location, content, { mode: 0o600 });
    return location;
  };
  try {
    return {
      ...(fileBrowser !== undefined && { web: await webAccess(client, namespace, fileBrowser, file) }),
      ...(ssh !== undefined && { ssh: await sshAccess(client, namespace, ssh, file) }),
      remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

type WriteFile = (name: string, content: string) => Promise<string>;

async function webAccess(
  client: Client,
  namespace: string,
  { clusterAccess = "", credentialsSecretRef, certificateAuthority }: NonNullable<FileServingInfo["fileBrowser"]>,
  file: WriteFile,
): Promise<WebAccess> {
  const secret = await secretData(client, namespace, credentialsSecretRef);
  if (!URL.canParse(clusterAccess)) throw new SourceError("the status names no address", { retryable: true });
  const authority = certificateAuthority ?? (await serviceAuthority(client, namespace));
  return {
    user: secret(secretKeys.username) ?? DEFAULT_USERNAME,
    password: secret(secretKeys.password) ?? "",
    host: new URL(clusterAccess).hostname,
    ...(authority !== undefined && { caFile: await file("ca.pem", authority) }),
  };
}

async function serviceAuthority(client: Client, namespace: string): Promise<string | undefined> {
  const found = await client.find(configMaps, { namespace, name: SERVICE_CA.name });
  return found?.data?.[SERVICE_CA.key];
}

async function sshAccess(
  client: Client,
  namespace: string,
  { credentialsSecretRef, hostKeyFingerprint }: NonNullable<FileServingInfo["ssh"]>,
  file: WriteFile,
): Promise<SshAccess> {
  const secret = await secretData(client, namespace, credentialsSecretRef);
  const privateKey = secret(secretKeys.privateKey);
  return {
    user: secret(secretKeys.username) ?? DEFAULT_USERNAME,
    ...(privateKey !== undefined && { privateKeyFile: await file("id_ed25519", privateKey) }),
    knownHostsFile: await file("known_hosts", ""),
    ...(hostKeyFingerprint !== undefined && { hostKeyFingerprint }),
  };
}

async function secretData(
  client: Client,
  namespace: string,
  reference: NonNullable<FileServingInfo["ssh"]>["credentialsSecretRef"],
): Promise<(key: string) => string | undefined> {
  if (reference === undefined) throw new SourceError("the status names no Secret", { retryable: true });
  const { data = {} } = await client.get(secrets, {
    namespace: reference.namespace ?? namespace,
    name: reference.name,
  });
  return (key) => {
    const value = data[key];
    return value === undefined ? undefined : Buffer.from(value, "base64").toString("utf8");
  };
}
