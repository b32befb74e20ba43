/** The web browser's way from outside of the cluster: by Route, else by HTTPRoute, TLSRoute or Ingress. */
import { formatDuration } from "../../bytes/duration.ts";
import type { KubeObject, ResourceType } from "../../kube/resource-type.ts";
import { configMaps, httpRoutes, ingresses } from "../../kube/resources.ts";
import type { ServerCertificate } from "./certificate-step.ts";
import {
  authorityConfigMap,
  backendTlsPolicies,
  backendTlsPolicy,
  type GatewayReference,
  gatewayRoute,
  ingress,
  outsideHost,
  route,
  routeHost,
  routes,
  tlsRoutes,
} from "./children/external-access.ts";
import { type ChildClient, ensureApplied } from "./ensure.ts";
import type { RestoreOwner } from "./owner.ts";
import type { FileRestoreSettings } from "./settings.ts";

export interface ExposeOptions {
  readonly client: ChildClient;
  readonly owner: RestoreOwner;
  readonly namespace: string;
  readonly settings: FileRestoreSettings;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export interface Exposure {
  readonly host?: string;
  /** What is still to come, a sentence. */
  readonly outstanding?: string;
  /** What cannot be had in this cluster, a sentence. */
  readonly shortfall?: string;
}

const WITHIN = "the files are served within the cluster";

/** By what the cluster has and the operator was told; nothing of it keeps the files from being served inside. */
export async function exposeWeb(options: ExposeOptions, certificate: ServerCertificate): Promise<Exposure> {
  const { client, owner, namespace, settings } = options;
  const { externalDomain, gateway, ingressClass } = settings;
  if (await client.serves(routes)) return exposeByRoute(options, certificate);
  if (externalDomain === undefined) {
    const needed = "exposeExternally needs Routes, or an operator that was started with --external-domain";
    return { shortfall: `${needed}; ${WITHIN}` };
  }
  const host = outsideHost(owner, namespace, externalDomain);
  if (gateway !== undefined) return exposeByGateway(options, { gateway, host }, certificate);
  const wanted = ingress(owner, namespace, { host, ...(ingressClass !== undefined && { className: ingressClass }) });
  await ensureApplied(client, owner, ingresses, wanted);
  return { host };
}

async function exposeByRoute(
  { client, owner, namespace, settings, now }: ExposeOptions,
  { signer, authority }: ServerCertificate,
): Promise<Exposure> {
  // OpenShift's router knows the authority of Services by itself.
  const made = await ensureApplied(
    client,
    owner,
    routes,
    route(owner, namespace, signer === "service-ca" ? undefined : authority),
  );
  const host = routeHost(made);
  if (host !== undefined) return { host };
  const { podMs } = settings.timeouts;
  if (now - Date.parse(String(made.metadata.creationTimestamp)) <= podMs) {
    return { outstanding: "waiting for the router to give the Route a host name" };
  }
  return { shortfall: `no router has given the Route a host name in ${formatDuration(podMs)}; ${WITHIN}` };
}

async function exposeByGateway(
  { client, owner, namespace, settings }: ExposeOptions,
  { gateway, host }: { readonly gateway: GatewayReference; readonly host: string },
  { authority }: ServerCertificate,
): Promise<Exposure> {
  const isPassthrough = settings.gatewayPassthrough === true;
  const type = await firstServed(client, isPassthrough ? tlsRoutes : [httpRoutes]);
  if (type === undefined) {
    return {
      shortfall: `the cluster has no ${isPassthrough ? "TLSRoutes" : "HTTPRoutes"} of the Gateway API; ${WITHIN}`,
    };
  }
  await ensureApplied(client, owner, type, gatewayRoute(owner, namespace, { type, host, gateway }));
  const policies = isPassthrough ? undefined : await firstServed(client, backendTlsPolicies);
  if (policies !== undefined) {
    const hasAuthority = authority !== undefined;
    if (hasAuthority) {
      await ensureApplied(client, owner, configMaps, authorityConfigMap(owner, namespace, authority));
    }
    const { version } = policies;
    await ensureApplied(client, owner, policies, backendTlsPolicy(owner, namespace, { version, hasAuthority }));
  }
  return { host };
}

async function firstServed<T extends KubeObject>(
  client: ChildClient,
  types: readonly ResourceType<T>[],
): Promise<ResourceType<T> | undefined> {
  for (const type of types) if (await client.serves(type)) return type;
  return undefined;
}
