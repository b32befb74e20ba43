/** Step 6: everything around the pod, and the pod. All of it may be there already, from an earlier attempt. */
import type { Stored } from "../../kube/resource-type.ts";
import {
  configMaps,
  httpRoutes,
  ingresses,
  networkPolicies,
  type Pod,
  pods,
  roleBindings,
  secrets,
  serviceAccounts,
  services,
} from "../../kube/resources.ts";
import type { FileServingInfo } from "../api/v1alpha1/file-access.ts";
import { ports } from "../api/v1alpha1/names.ts";
import type { VirtualMachineFileRestoreSpec } from "../api/v1alpha1/virtual-machine-file-restore.ts";
import type { ServingPlan } from "../file-serving/serving-plan.ts";
import { childNames } from "./child-names.ts";
import { type AccessMethods, accessMethods } from "./children/access-methods.ts";
import {
  httpRoute,
  ingress,
  outsideHost,
  route,
  routeHost,
  routes,
  serviceAuthorities,
} from "./children/external-access.ts";
import { networkPolicy } from "./children/network-policy.ts";
import { fileServerPod, POD_HASH, type PodVolume } from "./children/pod.ts";
import {
  certificateAuthority,
  certificateSecret,
  hostKeyFingerprint,
  hostKeySecret,
} from "./children/server-identity.ts";
import { service, serviceHost, serviceHosts } from "./children/service.ts";
import { nonRootBinding, serviceAccount } from "./children/service-account.ts";
import { planConfigMap } from "./children/serving-plan.ts";
import { type CredentialSecrets, ensureCredentials } from "./credentials-step.ts";
import { type ChildClient, ensureApplied, ensureCreated } from "./ensure.ts";
import type { RestoreOwner } from "./owner.ts";
import { isChildOf } from "./owner.ts";
import type { FileRestoreSettings } from "./settings.ts";
import { StepFailure, type Waiting, waiting } from "./step.ts";

export interface ServeFilesOptions {
  readonly client: ChildClient;
  readonly owner: RestoreOwner;
  readonly spec: VirtualMachineFileRestoreSpec;
  readonly namespace: string;
  readonly settings: FileRestoreSettings;
  readonly volumes: readonly PodVolume[];
  readonly plan: ServingPlan;
  /** Secret for reading the bucket, when something is read from there. */
  readonly bucketSecret?: string;
  readonly expiresAt?: Date;
}

export interface Serving {
  readonly kind: "serving";
  readonly pod: Stored<Pod>;
  readonly info: FileServingInfo;
  /** What is asked for beyond the pod and still to come, a sentence. */
  readonly outstanding?: string;
  /** What is asked for and cannot be had in this cluster, a sentence. */
  readonly shortfall?: string;
}

export async function serveFiles(options: ServeFilesOptions): Promise<Serving | Waiting> {
  const { client, owner, spec, namespace } = options;
  const access = accessMethods(spec.fileAccess);
  const [hasRoutes, hasServiceAuthority] = await Promise.all([
    client.serves(routes),
    client.serves(serviceAuthorities),
  ]);
  const credentials = await ensureCredentials(client, owner, namespace, spec.fileAccess, access);
  await ensureApplied(client, owner, serviceAccounts, serviceAccount(owner, namespace));
  if (hasServiceAuthority) await ensureApplied(client, owner, roleBindings, nonRootBinding(owner, namespace));
  await ensureApplied(client, owner, networkPolicies, policyOf(options, access));
  await ensureApplied(
    client,
    owner,
    services,
    service(owner, { namespace, access, serviceCertificate: hasServiceAuthority }),
  );
  const fingerprint = access.ssh ? await ensureHostKey(options) : undefined;
  const authority = access.web && !hasServiceAuthority ? await ensureCertificate(options) : undefined;
  const outside = access.web ? await exposeWeb(options, hasRoutes, authority) : {};
  await ensureApplied(client, owner, configMaps, planConfigMap(owner, namespace, options.plan));
  const pod = await ensurePod(options, access, credentials);
  if (pod.kind === "waiting") return pod;
  const info = servingInfo(options, { access, credentials, fingerprint, authority, host: outside.host });
  return {
    kind: "serving",
    pod: pod.pod,
    info,
    ...(outside.outstanding !== undefined && { outstanding: outside.outstanding }),
    ...(outside.shortfall !== undefined && { shortfall: outside.shortfall }),
  };
}

function policyOf({ owner, namespace, settings, bucketSecret }: ServeFilesOptions, access: AccessMethods) {
  const { operatorNamespace } = settings;
  return networkPolicy(owner, { namespace, operatorNamespace, access, readsBucket: bucketSecret !== undefined });
}

async function ensureHostKey({ client, owner, namespace }: ServeFilesOptions): Promise<string> {
  const key = { namespace, name: childNames.hostKey(owner) };
  return hostKeyFingerprint(await ensureCreated(client, owner, secrets, key, () => hostKeySecret(owner, namespace)));
}

async function ensureCertificate(options: ServeFilesOptions): Promise<string | undefined> {
  const { client, owner, namespace, settings, expiresAt } = options;
  const key = { namespace, name: childNames.certificate(owner) };
  const domain = settings.externalDomain;
  const hosts = [
    ...serviceHosts(owner, namespace),
    ...(domain === undefined ? [] : [outsideHost(owner, namespace, domain)]),
  ];
  const secret = await ensureCreated(client, owner, secrets, key, () =>
    certificateSecret(owner, namespace, hosts, expiresAt),
  );
  return certificateAuthority(secret);
}

type Outside = Pick<Serving, "outstanding" | "shortfall"> & { readonly host?: string };

/** From outside of the cluster: by Route, else HTTPRoute or Ingress below the domain the operator was given. */
async function exposeWeb(
  options: ServeFilesOptions,
  hasRoutes: boolean,
  authority: string | undefined,
): Promise<Outside> {
  const { client, owner, spec, namespace, settings } = options;
  if (spec.fileAccess?.fileBrowser?.exposeExternally !== true) return {};
  if (hasRoutes) {
    const made = await ensureApplied(client, owner, routes, route(owner, namespace, authority));
    const host = routeHost(made);
    return host === undefined ? { outstanding: "waiting for the router to give the Route a host name" } : { host };
  }
  const { externalDomain, gateway, ingressClass } = settings;
  if (externalDomain === undefined) {
    return {
      shortfall:
        "exposeExternally needs Routes, or an operator that was started with --external-domain; " +
        "the files are served within the cluster",
    };
  }
  const host = outsideHost(owner, namespace, externalDomain);
  if (gateway !== undefined) {
    await ensureApplied(client, owner, httpRoutes, httpRoute(owner, namespace, { host, gateway }));
  } else {
    const made = ingress(owner, namespace, { host, ...(ingressClass !== undefined && { className: ingressClass }) });
    await ensureApplied(client, owner, ingresses, made);
  }
  return { host };
}

/** A pod cannot be changed, so one that is not what it should be makes room for one that is. */
async function ensurePod(
  options: ServeFilesOptions,
  access: AccessMethods,
  { ssh, web }: CredentialSecrets,
): Promise<{ readonly kind: "pod"; readonly pod: Stored<Pod> } | Waiting> {
  const { client, owner, namespace, settings, volumes, bucketSecret } = options;
  const { images, imagePullSecrets } = settings;
  const wanted = fileServerPod(owner, {
    namespace,
    access,
    images,
    volumes,
    plan: JSON.stringify(options.plan),
    ...(imagePullSecrets !== undefined && { imagePullSecrets }),
    ...(ssh !== undefined && { sshSecret: ssh }),
    ...(web !== undefined && { webSecret: web }),
    ...(bucketSecret !== undefined && { bucketSecret }),
  });
  const key = { namespace, name: childNames.pod(owner) };
  const found = await client.find(pods, key);
  if (found === undefined) return { kind: "pod", pod: await client.create(pods, wanted) };
  if (!isChildOf(found, owner)) {
    throw new StepFailure("NameTaken", `pod ${namespace}/${key.name} exists and does not belong to this file restore`);
  }
  const isWanted = found.metadata.annotations?.[POD_HASH] === wanted.metadata.annotations?.[POD_HASH];
  const isOver = found.status?.phase === "Failed" || found.status?.phase === "Succeeded";
  if (isWanted && !isOver && found.metadata.deletionTimestamp === undefined) return { kind: "pod", pod: found };
  if (found.metadata.deletionTimestamp === undefined) {
    await client.delete(pods, key, { uid: found.metadata.uid });
  }
  return waiting("ReplacingPod", `Waiting for pod ${key.name} to end, to start it anew`, 2_000);
}

interface Reachable {
  readonly access: AccessMethods;
  readonly credentials: CredentialSecrets;
  readonly fingerprint: string | undefined;
  readonly authority: string | undefined;
  readonly host: string | undefined;
}

function servingInfo({ owner, namespace }: ServeFilesOptions, reachable: Reachable): FileServingInfo {
  const { access, credentials, fingerprint, authority, host } = reachable;
  const inside = serviceHost(owner, namespace);
  return {
    podName: childNames.pod(owner),
    ...(access.ssh && {
      ssh: {
        clusterAccess: `ssh://${inside}:${ports.ssh}`,
        ...(credentials.ssh !== undefined && { credentialsSecretRef: { name: credentials.ssh, namespace } }),
        ...(fingerprint !== undefined && { hostKeyFingerprint: fingerprint }),
      },
    }),
    ...(access.web && {
      fileBrowser: {
        clusterAccess: `https://${inside}:${ports.fileBrowser}`,
        ...(credentials.web !== undefined && { credentialsSecretRef: { name: credentials.web, namespace } }),
        ...(authority !== undefined && { certificateAuthority: authority }),
        ...(host !== undefined && { publicAccess: `https://${host}` }),
      },
    }),
  };
}
