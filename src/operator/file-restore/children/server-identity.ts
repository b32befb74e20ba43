/** How the servers prove who they are: made once for a file restore and kept in Secrets, so that a new pod is the same server. */
import type { Secret } from "../../../kube/resources.ts";
import { fingerprint, generateHostKey, publicKeyBlob } from "../../../serve/ssh/server/ssh-keys.ts";
import { createSessionCertificate } from "../../../serve/tls/session-certificate.ts";
import { HOST_KEY_FILE } from "../../file-serving/pod-layout.ts";
import { childNames } from "../child-names.ts";
import { childLabels, type RestoreOwner } from "../owner.ts";

/** Key of the authority's certificate in a TLS Secret, as service CA and cert-manager have it. */
const AUTHORITY = "ca.crt";

export function hostKeySecret(owner: RestoreOwner, namespace: string): Secret {
  const { privateKey } = generateHostKey();
  return secret(owner, namespace, childNames.hostKey(owner), "Opaque", { [HOST_KEY_FILE]: privateKey });
}

/** `SHA256:…`, as ssh shows it when it asks whether to trust a host. */
export async function hostKeyFingerprint(hostKey: Secret): Promise<string> {
  const privateKey = Buffer.from(hostKey.data?.[HOST_KEY_FILE] ?? "", "base64").toString("utf8");
  return fingerprint(await publicKeyBlob(privateKey));
}

/**
 * A certificate by an authority that exists for this restore alone, for clusters that have no authority of their own.
 * @param hosts names and addresses by which clients reach the server
 */
export async function certificateSecret(
  owner: RestoreOwner,
  namespace: string,
  hosts: readonly string[],
  expiresAt: Date | undefined,
): Promise<Secret> {
  const certificate = await createSessionCertificate({ hosts, ...(expiresAt !== undefined && { expiresAt }) });
  return secret(owner, namespace, childNames.certificate(owner), "kubernetes.io/tls", {
    "tls.crt": certificate.certificateChain,
    "tls.key": certificate.privateKey,
    [AUTHORITY]: certificate.authority ?? certificate.certificateChain,
  });
}

/** PEM of the authority clients are to trust; undefined when the Secret does not tell. */
export function certificateAuthority(certificate: Secret): string | undefined {
  const encoded = certificate.data?.[AUTHORITY];
  return encoded === undefined ? undefined : Buffer.from(encoded, "base64").toString("utf8");
}

function secret(
  owner: RestoreOwner,
  namespace: string,
  name: string,
  type: string,
  data: Record<string, string>,
): Secret {
  return {
    apiVersion: "v1",
    kind: "Secret",
    type,
    metadata: { name, namespace, labels: childLabels(owner) },
    data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString("base64")])),
  };
}
