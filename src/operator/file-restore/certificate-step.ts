/** The pod's certificate: by cert-manager or OpenShift's service CA where the cluster has them, else by an authority of its own. */
import type { Stored } from "../../kube/resource-type.ts";
import { configMaps, type Secret, type Service, secrets, services } from "../../kube/resources.ts";
import { childNames } from "./child-names.ts";
import type { AccessMethods } from "./children/access-methods.ts";
import { certificate, certificates, SERVICE_AUTHORITY, type Signer, signerOf } from "./children/certificate.ts";
import { outsideHost, serviceAuthorities } from "./children/external-access.ts";
import { certificateAuthority, certificateSecret } from "./children/server-identity.ts";
import { service, serviceHosts } from "./children/service.ts";
import { type ChildClient, ensureApplied, ensureCreated } from "./ensure.ts";
import type { RestoreOwner } from "./owner.ts";
import type { FileRestoreSettings } from "./settings.ts";
import { StepFailure, type Waiting, waiting } from "./step.ts";

export interface CertificateOptions {
  readonly client: ChildClient;
  readonly owner: RestoreOwner;
  readonly namespace: string;
  readonly settings: FileRestoreSettings;
  readonly access: AccessMethods;
  readonly expiresAt?: Date;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export interface ServerCertificate {
  readonly kind: "certificate";
  readonly signer: Signer;
  /** PEM of the authority clients are to trust; undefined where that is one every client knows. */
  readonly authority?: string;
}

/** The Service, and its certificate. @throws StepFailure when the Secret's name is taken */
export async function ensureServiceCertificate(options: CertificateOptions): Promise<ServerCertificate | Waiting> {
  const { client, owner, namespace, settings, now } = options;
  const name = childNames.certificate(owner);
  const secret = await client.find(secrets, { namespace, name });
  const isOurs = secret !== undefined && signerOf(secret, owner, undefined) === "vmfr";
  const signer = isOurs ? "vmfr" : await signerOfCluster(options);
  const made = await ensureService(options, signer);
  if (secret !== undefined) return accept(options, secret, made);
  if (signer === "vmfr") return ownCertificate(options);
  const issued = signer === "cert-manager" ? await ensureIssued(options) : undefined;
  const age = now - Date.parse(String(made.metadata.creationTimestamp));
  if (age <= settings.timeouts.certificateMs) {
    const message = issued?.status?.conditions?.find(
      ({ type, status }) => type === "Ready" && status === "False",
    )?.message;
    const why = message === undefined ? "" : `: ${message}`;
    return waiting("WaitingForCertificate", `Waiting for ${signer} to make the certificate${why}`, 2_000);
  }
  // Whoever has not answered until now is not to replace it under a running pod.
  if (issued !== undefined) await client.delete(certificates, { namespace, name }, { uid: issued.metadata.uid });
  await ensureService(options, "vmfr");
  return ownCertificate(options);
}

async function signerOfCluster({ client, settings }: CertificateOptions): Promise<Signer> {
  if (settings.clusterIssuer !== undefined && (await client.serves(certificates))) return "cert-manager";
  return (await client.serves(serviceAuthorities)) ? "service-ca" : "vmfr";
}

function ensureService({ client, owner, namespace, access }: CertificateOptions, signer: Signer) {
  const wanted = service(owner, { namespace, access, serviceCertificate: signer === "service-ca" });
  return ensureApplied(client, owner, services, wanted);
}

function ensureIssued(options: CertificateOptions) {
  const { client, owner, namespace, settings } = options;
  const wanted = certificate(owner, namespace, { issuer: settings.clusterIssuer ?? "", hosts: hostsOf(options) });
  return ensureApplied(client, owner, certificates, wanted);
}

/** All names under which clients reach the server. */
function hostsOf({ owner, namespace, settings }: CertificateOptions): string[] {
  const domain = settings.externalDomain;
  const outside = domain === undefined ? [] : [outsideHost(owner, namespace, domain)];
  return [...serviceHosts(owner, namespace), ...outside];
}

async function accept(
  { client, owner, namespace }: CertificateOptions,
  secret: Stored<Secret>,
  made: Stored<Service>,
): Promise<ServerCertificate> {
  const signer = signerOf(secret, owner, made.metadata.uid);
  if (signer === undefined) {
    const name = `${namespace}/${secret.metadata.name}`;
    throw new StepFailure("NameTaken", `Secret ${name} exists and does not belong to this file restore`);
  }
  const known = certificateAuthority(secret);
  const authority = known === undefined && signer === "service-ca" ? await serviceAuthority(client, namespace) : known;
  return { kind: "certificate", signer, ...(authority !== undefined && { authority }) };
}

async function serviceAuthority(client: ChildClient, namespace: string): Promise<string | undefined> {
  const { configMap: name, key } = SERVICE_AUTHORITY;
  return (await client.find(configMaps, { namespace, name }))?.data?.[key];
}

async function ownCertificate(options: CertificateOptions): Promise<ServerCertificate> {
  const { client, owner, namespace, expiresAt } = options;
  const key = { namespace, name: childNames.certificate(owner) };
  const secret = await ensureCreated(client, owner, secrets, key, () =>
    certificateSecret(owner, namespace, hostsOf(options), expiresAt),
  );
  const authority = certificateAuthority(secret);
  return { kind: "certificate", signer: "vmfr", ...(authority !== undefined && { authority }) };
}
