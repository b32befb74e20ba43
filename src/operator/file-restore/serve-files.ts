/** Step 6: everything around the pod, and the pod. All of it may be there already, from an earlier attempt. */
import type { Stored } from "../../kube/resource-type.ts";
import {
  configMaps,
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
import { ensureServiceCertificate } from "./certificate-step.ts";
import { childNames } from "./child-names.ts";
import { type AccessMethods, accessMethods } from "./children/access-methods.ts";
import { serviceAuthorities } from "./children/external-access.ts";
import { networkPolicy } from "./children/network-policy.ts";
import { fileServerPod, POD_HASH, type PodVolume } from "./children/pod.ts";
import { hostKeyFingerprint, hostKeySecret } from "./children/server-identity.ts";
import { service, serviceHost } from "./children/service.ts";
import { nonRootBinding, serviceAccount } from "./children/service-account.ts";
import { planConfigMap } from "./children/serving-plan.ts";
import { type CredentialSecrets, ensureCredentials } from "./credentials-step.ts";
import { type ChildClient, ensureApplied, ensureCreated } from "./ensure.ts";
import { type Exposure, exposeWeb } from "./expose-web.ts";
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
  /** Milliseconds since 1970. */
  readonly now: number;
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
  const credentials = await ensureCredentials(client, owner, namespace, spec.fileAccess, access);
  await ensureApplied(client, owner, serviceAccounts, serviceAccount(owner, namespace));
  // OpenShift's own authority for Services means its security context constraints too.
  const isOpenShift = await client.serves(serviceAuthorities);
  if (isOpenShift) await ensureApplied(client, owner, roleBindings, nonRootBinding(owner, namespace));
  await ensureApplied(client, owner, networkPolicies, policyOf(options, access));
  const fingerprint = access.ssh ? await ensureHostKey(options) : undefined;
  const web = access.web ? await serveWeb(options, access) : await serveSshAlone(options, access);
  if (web.kind === "waiting") return web;
  await ensureApplied(client, owner, configMaps, planConfigMap(owner, namespace, options.plan));
  const pod = await ensurePod(options, access, credentials);
  if (pod.kind === "waiting") return pod;
  const { authority, host, outstanding, shortfall } = web;
  return {
    kind: "serving",
    pod: pod.pod,
    info: servingInfo(options, { access, credentials, fingerprint, authority, host }),
    ...(outstanding !== undefined && { outstanding }),
    ...(shortfall !== undefined && { shortfall }),
  };
}

interface WebAccess extends Exposure {
  readonly kind: "web";
  /** PEM; see `ServerCertificate`. */
  readonly authority?: string;
}

async function serveWeb(options: ServeFilesOptions, access: AccessMethods): Promise<WebAccess | Waiting> {
  const certificate = await ensureServiceCertificate({ ...options, access });
  if (certificate.kind === "waiting") return certificate;
  const isExposed = options.spec.fileAccess?.fileBrowser?.exposeExternally === true;
  const exposure = isExposed ? await exposeWeb(options, certificate) : {};
  const { authority } = certificate;
  return { kind: "web", ...exposure, ...(authority !== undefined && { authority }) };
}

async function serveSshAlone(
  { client, owner, namespace }: ServeFilesOptions,
  access: AccessMethods,
): Promise<WebAccess> {
  await ensureApplied(client, owner, services, service(owner, { namespace, access, serviceCertificate: false }));
  return { kind: "web" };
}

function policyOf({ owner, namespace, settings, bucketSecret }: ServeFilesOptions, access: AccessMethods) {
  const { operatorNamespace } = settings;
  return networkPolicy(owner, { namespace, operatorNamespace, access, readsBucket: bucketSecret !== undefined });
}

async function ensureHostKey({ client, owner, namespace }: ServeFilesOptions): Promise<string> {
  const key = { namespace, name: childNames.hostKey(owner) };
  return hostKeyFingerprint(await ensureCreated(client, owner, secrets, key, () => hostKeySecret(owner, namespace)));
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
