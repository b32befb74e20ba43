import type { KubernetesApi } from "../control-plane/kubernetes-api.ts";

interface ConfigMap {
  readonly data?: Readonly<Record<string, string>>;
  readonly binaryData?: Readonly<Record<string, string>>;
}

/** Bytes by key. */
export type ConfigData = ReadonlyMap<string, Buffer>;

/** A Secret's or ConfigMap's data; empty when it may be missing and is. */
export async function readConfigData(
  api: KubernetesApi,
  namespace: string,
  kind: "secrets" | "configmaps",
  name: string,
  optional = false,
): Promise<ConfigData> {
  const path = `/api/v1/namespaces/${namespace}/${kind}/${name}`;
  const found = optional ? await api.find<ConfigMap>(path) : await api.get<ConfigMap>(path);
  const { data = {}, binaryData = {} } = found ?? {};
  const encoded = kind === "secrets" ? data : binaryData;
  const plain = kind === "secrets" ? {} : data;
  return new Map([
    ...Object.entries(encoded).map(([key, value]) => [key, Buffer.from(value, "base64")] as const),
    ...Object.entries(plain).map(([key, value]) => [key, Buffer.from(value)] as const),
  ]);
}
