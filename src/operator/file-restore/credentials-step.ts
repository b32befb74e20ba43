/** The users' Secrets in the restore's namespace. */
import { ConfigError } from "../../errors.ts";
import type { Stored } from "../../kube/resource-type.ts";
import { type Secret, secrets } from "../../kube/resources.ts";
import type { FileAccess, SecretReference } from "../api/v1alpha1/file-access.ts";
import { annotations, INLINE_PUBLIC_KEY_SOURCE } from "../api/v1alpha1/names.ts";
import { childNames } from "./child-names.ts";
import type { AccessMethods } from "./children/access-methods.ts";
import { copiedSecret, generatedSshSecret, generatedWebSecret, publicKeySecret } from "./children/credentials.ts";
import { type ChildClient, ensureApplied, ensureCreated } from "./ensure.ts";
import type { RestoreOwner } from "./owner.ts";
import { StepFailure } from "./step.ts";

export interface CredentialSecrets {
  readonly ssh?: string;
  readonly web?: string;
}

/** @throws StepFailure when a Secret or key that the user gave cannot be used. */
export async function ensureCredentials(
  client: ChildClient,
  owner: RestoreOwner,
  namespace: string,
  fileAccess: FileAccess | undefined,
  access: AccessMethods,
): Promise<CredentialSecrets> {
  try {
    return {
      ...(access.ssh && { ssh: (await sshSecret(client, owner, namespace, fileAccess?.ssh)).metadata.name }),
      ...(access.web && { web: (await webSecret(client, owner, namespace, fileAccess?.fileBrowser)).metadata.name }),
    };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new StepFailure("CredentialsPreparationFailed", `Failed to prepare credentials: ${error.message}`, {
      cause: error,
    });
  }
}

async function sshSecret(
  client: ChildClient,
  owner: RestoreOwner,
  namespace: string,
  asked: NonNullable<FileAccess["ssh"]> = {},
): Promise<Stored<Secret>> {
  const { credentialsSecretRef, publicKey, username } = asked;
  if (credentialsSecretRef !== undefined) {
    const source = await referenced(client, owner, credentialsSecretRef);
    return ensureApplied(client, owner, secrets, await copiedSecret(owner, namespace, "ssh", source));
  }
  if (publicKey !== undefined && publicKey !== "") {
    return ensureApplied(client, owner, secrets, await publicKeySecret(owner, namespace, publicKey, username));
  }
  const key = { namespace, name: childNames.sshCredentials(owner) };
  const found = await client.find(secrets, key);
  // Made from a key or a Secret that the spec no longer names.
  if (found !== undefined && !isGenerated(found)) await client.delete(secrets, key, { uid: found.metadata.uid });
  return ensureCreated(client, owner, secrets, key, () => generatedSshSecret(owner, namespace, username));
}

async function webSecret(
  client: ChildClient,
  owner: RestoreOwner,
  namespace: string,
  asked: NonNullable<FileAccess["fileBrowser"]> = {},
): Promise<Stored<Secret>> {
  if (asked.credentialsSecretRef !== undefined) {
    const source = await referenced(client, owner, asked.credentialsSecretRef);
    return ensureApplied(client, owner, secrets, await copiedSecret(owner, namespace, "fileBrowser", source));
  }
  const key = { namespace, name: childNames.webCredentials(owner) };
  const found = await client.find(secrets, key);
  if (found !== undefined && !isGenerated(found)) await client.delete(secrets, key, { uid: found.metadata.uid });
  return ensureCreated(client, owner, secrets, key, () => generatedWebSecret(owner, namespace));
}

function isGenerated({ metadata }: Stored<Secret>): boolean {
  const notes = metadata.annotations ?? {};
  return notes[annotations.copiedFrom] === undefined && notes[annotations.source] !== INLINE_PUBLIC_KEY_SOURCE;
}

/** The namespace of the file restore is meant when none is given. Admission has checked that its author may read it. */
async function referenced(
  client: ChildClient,
  owner: RestoreOwner,
  reference: SecretReference,
): Promise<Stored<Secret>> {
  const key = { namespace: reference.namespace || owner.namespace, name: reference.name };
  const found = await client.find(secrets, key);
  if (found !== undefined) return found;
  throw new ConfigError(`Secret ${key.namespace}/${key.name} does not exist`);
}
