/**
 * Names of the objects made for a file restore. All follow from the restore's own name and UID, so that a second
 * attempt after a crash finds the first one's objects instead of making others.
 */
import { createHash } from "node:crypto";
import type { RestoreOwner } from "./owner.ts";

/** RFC 1123 label; also the limit of a Service's name and of a label's value. */
const LABEL_LENGTH = 63;
/** Names of most objects, PVCs among them. */
const NAME_LENGTH = 253;
const HASH_LENGTH = 8;

export const childNames = {
  pod: (owner: RestoreOwner) => serviceLabel(owner.name, "fileserver"),
  service: (owner: RestoreOwner) => serviceLabel(owner.name, "fileserver-svc"),
  plan: (owner: RestoreOwner) => serviceLabel(owner.name, "fileserver-plan"),
  certificate: (owner: RestoreOwner) => serviceLabel(owner.name, "fileserver-tls"),
  hostKey: (owner: RestoreOwner) => serviceLabel(owner.name, "fileserver-hostkey"),
  bucket: (owner: RestoreOwner) => serviceLabel(owner.name, "fileserver-bucket"),
  networkPolicy: (owner: RestoreOwner) => serviceLabel(owner.name, "fileserver"),
  sshCredentials: (owner: RestoreOwner) => serviceLabel(owner.name, "ssh"),
  webCredentials: (owner: RestoreOwner) => serviceLabel(owner.name, "filebrowser"),
  externalAccess: (owner: RestoreOwner) => serviceLabel(owner.name, "filebrowser"),
  /** One ServiceAccount and RoleBinding a namespace would do, but each restore then could not clean up after itself. */
  serviceAccount: (owner: RestoreOwner) => serviceLabel(owner.name, "fileserver"),
  externalHost,
  temporaryNamespace,
  isOfTemporaryNamespace,
  veleroRestore,
  resourceModifier: (owner: RestoreOwner, backup: string) => veleroRestore(owner, backup),
  restoredPvc,
} as const;

/** `[<prefix>-]<name>-<first 8 of the UID>`, a DNS label. */
function temporaryNamespace(owner: RestoreOwner, prefix?: string): string {
  const base = dnsLabel([prefix ?? "", owner.name].filter((part) => part !== "").join("-"));
  const unique = uniquePart(owner);
  const kept = base.slice(0, LABEL_LENGTH - HASH_LENGTH - 1).replace(/-+$/, "");
  return kept === "" ? `vmfr-${unique}` : `${kept}-${unique}`;
}

/** Whatever stands before the UID: the existing implementation has the VM's name there. */
function isOfTemporaryNamespace(owner: RestoreOwner, name: string): boolean {
  return name.endsWith(`-${uniquePart(owner)}`);
}

function uniquePart({ uid }: RestoreOwner): string {
  return uid.replaceAll("-", "").slice(0, HASH_LENGTH).toLowerCase();
}

/** One DNS label that no other restore of the cluster has. */
function externalHost(owner: RestoreOwner, namespace: string): string {
  const unique = hash(`${namespace}/${owner.uid}`);
  return `${dnsLabel(owner.name)
    .slice(0, LABEL_LENGTH - HASH_LENGTH - 1)
    .replace(/-+$/, "")}-${unique}`.replace(/^-/, "");
}

/** Velero writes a Restore's name into labels, so it has to be short enough for one. */
function veleroRestore(owner: RestoreOwner, backup: string): string {
  const unique = hash(`${owner.uid}/${backup}`);
  const base = dnsLabel(`vmfr-${owner.name}-${backup}`);
  return `${base.slice(0, LABEL_LENGTH - HASH_LENGTH - 1).replace(/-+$/, "")}-${unique}`;
}

/** `<pvc>-<backup>`; shortened with a hash where that would be too long for a name. */
function restoredPvc(pvc: string, backup: string): string {
  const name = `${pvc}-${backup}`;
  return name.length <= NAME_LENGTH ? name : shortened(name, NAME_LENGTH);
}

/** `<name>-<suffix>` where that can name a Service (RFC 1035: begins with a letter, no dots); else as close as can be. */
function serviceLabel(name: string, suffix: string): string {
  const wanted = `${name}-${suffix}`;
  if (wanted.length <= LABEL_LENGTH && /^[a-z][-a-z0-9]*$/.test(wanted)) return wanted;
  const base = `vmfr-${dnsLabel(name)}`;
  // The hash keeps apart what becomes equal by the change: `a.b` and `a-b`.
  const end = `-${hash(name)}-${suffix}`;
  return `${base.slice(0, LABEL_LENGTH - end.length).replace(/-+$/, "")}${end}`;
}

function shortened(name: string, length: number): string {
  return `${name.slice(0, length - HASH_LENGTH - 1).replace(/[-.]+$/, "")}-${hash(name)}`;
}

/** Lower case letters, digits and inner hyphens. */
function dnsLabel(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .replace(/^-+|-+$/g, "");
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, HASH_LENGTH);
}
