import type { V1EnvVar } from "@kubernetes/client-node";
import { API_SERVER_NAME } from "../control-plane/credentials.ts";
import type { KubernetesApi } from "../control-plane/kubernetes-api.ts";
import { readConfigData } from "./config-data.ts";
import type { Image } from "./image.ts";
import { type Container, fieldOf, type PodIdentity } from "./pod-objects.ts";

export type Environment = Readonly<Record<string, string>>;

/** A container's environment: the image's, the one every pod has, then what the container says. */
export async function environmentOf(
  api: KubernetesApi,
  identity: PodIdentity,
  container: Container,
  image: Image,
  apiServerPort: number,
): Promise<Environment> {
  const { namespace, name } = identity.pod.metadata;
  const environment: Record<string, string> = {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    HOME: "/",
    ...image.environment,
    HOSTNAME: name,
    KUBERNETES_SERVICE_HOST: API_SERVER_NAME,
    KUBERNETES_SERVICE_PORT: String(apiServerPort),
  };
  for (const { prefix = "", secretRef, configMapRef } of container.envFrom ?? []) {
    const reference = secretRef ?? configMapRef;
    const kind = secretRef === undefined ? "configmaps" : "secrets";
    const data = await readConfigData(api, namespace, kind, String(reference?.name), reference?.optional);
    for (const [key, value] of data) environment[prefix + key] = value.toString();
  }
  for (const variable of container.env ?? []) {
    const value = await variableValue(api, identity, variable);
    if (value !== undefined) environment[variable.name] = expand(value, environment);
  }
  return environment;
}

async function variableValue(
  api: KubernetesApi,
  identity: PodIdentity,
  variable: V1EnvVar,
): Promise<string | undefined> {
  const { fieldRef, secretKeyRef, configMapKeyRef, resourceFieldRef } = variable.valueFrom ?? {};
  if (fieldRef !== undefined) return fieldOf(identity, fieldRef.fieldPath);
  if (resourceFieldRef !== undefined) throw new Error("the node double does not give out resource fields");
  const reference = secretKeyRef ?? configMapKeyRef;
  if (reference === undefined) return variable.value ?? "";
  const kind = secretKeyRef === undefined ? "configmaps" : "secrets";
  const { namespace } = identity.pod.metadata;
  const data = await readConfigData(api, namespace, kind, String(reference.name), reference.optional);
  const value = data.get(reference.key)?.toString();
  if (value === undefined && reference.optional !== true)
    throw new Error(`no key ${reference.key} for ${variable.name}`);
  return value;
}

/** Kubernetes' own references: `$(NAME)`, with `$$` for a dollar sign; unknown names stay as they are. */
export function expand(text: string, environment: Environment): string {
  return text.replace(/\$\$|\$\(([A-Za-z_][\w.-]*)\)/g, (whole, name: string | undefined) =>
    name === undefined ? "$" : (environment[name] ?? whole),
  );
}
