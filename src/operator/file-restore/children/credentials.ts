/** The Secrets with which users come to the files: made, made from a public key, or copied from the user's own. */

import { ConfigError } from "../../../errors.ts";
import type { Secret } from "../../../kube/resources.ts";
import { generatePassword } from "../../../serve/credentials.ts";
import { parseAuthorizedKeys } from "../../../serve/ssh/server/authorized-keys.ts";
import { generateUserKey } from "../../../serve/ssh/server/ssh-keys.ts";
import {
  annotations,
  credentialTypes,
  DEFAULT_USERNAME,
  INLINE_PUBLIC_KEY_SOURCE,
  labels,
  labelValues,
  MIN_PASSWORD_LENGTH,
  secretKeys,
} from "../../api/v1alpha1/names.ts";
import { childNames } from "../child-names.ts";
import { childLabels, originAnnotations, type RestoreOwner } from "../owner.ts";

type CredentialType = keyof typeof credentialTypes;

const SECRET_NAMES = { ssh: childNames.sshCredentials, fileBrowser: childNames.webCredentials } as const;

/** A key pair whose private half the user takes out of the Secret. */
export function generatedSshSecret(owner: RestoreOwner, namespace: string, username = DEFAULT_USERNAME): Secret {
  const { privateKey, publicKey } = generateUserKey(`${username}@${owner.name}`);
  const data = {
    [secretKeys.username]: checkUsername(username),
    [secretKeys.privateKey]: privateKey,
    [secretKeys.authorizedKeys]: `${publicKey}\n`,
  };
  return credentialSecret(owner, namespace, "ssh", data);
}

/** @throws ConfigError when nobody could log in with the key. */
export async function publicKeySecret(
  owner: RestoreOwner,
  namespace: string,
  publicKey: string,
  username = DEFAULT_USERNAME,
): Promise<Secret> {
  await parseAuthorizedKeys(publicKey);
  const data = { [secretKeys.username]: checkUsername(username), [secretKeys.authorizedKeys]: `${publicKey.trim()}\n` };
  return credentialSecret(owner, namespace, "ssh", data, { [annotations.source]: INLINE_PUBLIC_KEY_SOURCE });
}

export function generatedWebSecret(owner: RestoreOwner, namespace: string): Secret {
  const data = { [secretKeys.username]: DEFAULT_USERNAME, [secretKeys.password]: generatePassword() };
  return credentialSecret(owner, namespace, "fileBrowser", data);
}

/** What of a user's Secret a way of access takes, and nothing else of it. @throws ConfigError naming what is wrong. */
export async function copiedSecret(
  owner: RestoreOwner,
  namespace: string,
  type: CredentialType,
  source: Secret,
): Promise<Secret> {
  const data = type === "ssh" ? await sshData(source) : webData(source);
  const { name = "", namespace: sourceNamespace = "" } = source.metadata;
  const copy = credentialSecret(owner, namespace, type, data, {
    [annotations.copiedFrom]: `${sourceNamespace}/${name}`,
    [annotations.copiedFromSecret]: name,
    [annotations.copiedFromNamespace]: sourceNamespace,
  });
  copy.metadata.labels = { ...copy.metadata.labels, [labels.managedCopy]: labelValues.true };
  return copy;
}

async function sshData(source: Secret): Promise<Record<string, string>> {
  const authorizedKeys = required(source, secretKeys.authorizedKeys);
  await parseAuthorizedKeys(authorizedKeys);
  return {
    [secretKeys.username]: checkUsername(optional(source, secretKeys.username) ?? DEFAULT_USERNAME),
    [secretKeys.authorizedKeys]: authorizedKeys,
  };
}

function webData(source: Secret): Record<string, string> {
  const password = required(source, secretKeys.password);
  if (Buffer.byteLength(password.replace(/\r?\n$/, "")) < MIN_PASSWORD_LENGTH) {
    throw new ConfigError(`${display(source)}: password must be at least ${MIN_PASSWORD_LENGTH} bytes long`);
  }
  return {
    [secretKeys.username]: checkUsername(optional(source, secretKeys.username) ?? DEFAULT_USERNAME),
    [secretKeys.password]: password,
  };
}

/** What every SSH client and `curl -u` can say; a colon would end the name in HTTP Basic. */
function checkUsername(username: string): string {
  const name = username.trim();
  if (/^[A-Za-z0-9_][A-Za-z0-9._@-]{0,63}$/.test(name)) return name;
  throw new ConfigError("the user name may have letters, digits and . _ @ - only, and 64 characters at most");
}

function credentialSecret(
  owner: RestoreOwner,
  namespace: string,
  type: CredentialType,
  data: Record<string, string>,
  notes: Record<string, string> = {},
): Secret {
  return {
    apiVersion: "v1",
    kind: "Secret",
    type: "Opaque",
    metadata: {
      name: SECRET_NAMES[type](owner),
      namespace,
      labels: { ...childLabels(owner), [labels.credentialType]: credentialTypes[type] },
      annotations: { ...originAnnotations(owner), [annotations.generatedBy]: labelValues.managedBy, ...notes },
    },
    data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, encode(value)])),
  };
}

function required(secret: Secret, key: string): string {
  const value = optional(secret, key);
  if (value !== undefined) return value;
  throw new ConfigError(`${display(secret)}: required field '${key}' is missing or empty`);
}

function optional(secret: Secret, key: string): string | undefined {
  const text = Buffer.from(secret.data?.[key] ?? "", "base64").toString("utf8");
  return text.trim() === "" ? undefined : text;
}

function display({ metadata }: Secret): string {
  return `Secret ${metadata.namespace}/${metadata.name}`;
}

function encode(text: string): string {
  return Buffer.from(text).toString("base64");
}
