/**
 * Names that other programs depend on: users' manifests, Velero's plugins for OpenShift and KubeVirt, the OADP
 * operator, and objects that an earlier version left behind. They are wire format; none may change.
 */

export const API_GROUP = "oadp.openshift.io";
export const API_VERSION = "v1alpha1";

export const labels = {
  /** UID of the file restore an object belongs to; on everything made for it. */
  originUid: "oadp.openshift.io/vmfr-origin-uuid",
  /** `true` on a namespace made for one file restore, which ends with it. */
  temporaryNamespace: "oadp.openshift.io/vmfr-temp-namespace",
  /** `true` on a copy of a user's Secret. */
  managedCopy: "oadp.openshift.io/vmfr-managed-copy",
  /** On Secrets: one of `credentialTypes`. */
  credentialType: "oadp.openshift.io/credential-type",
  managedBy: "app.kubernetes.io/managed-by",
  app: "app",
  /** On a PVC as it was backed up: its UID, by the KubeVirt plugin. Selects what Velero restores. */
  pvcUid: "velero.kubevirt.io/pvc-uid",
  /** On restored PVCs and DataDownloads: the Velero Restore. */
  restoreName: "velero.io/restore-name",
  /** On a restored PVC: its name before the restore, by the OpenShift plugin. */
  originalName: "oadp.openshift.io/vmfr-original-name",
  /** On a DownloadRequest made by discovery: the VM's discovery it was made for, by UID. */
  discoveryUid: "oadp.openshift.io/vmbd-origin-uuid",
} as const;

export const labelValues = {
  managedBy: "oadp-vm-file-restore-controller",
  app: "vmfr-file-server",
  /** Lower case: the OpenShift plugin compares the text. */
  true: "true",
} as const;

export const credentialTypes = { ssh: "ssh", fileBrowser: "filebrowser" } as const;

export const annotations = {
  originName: "oadp.openshift.io/vmfr-origin-name",
  originNamespace: "oadp.openshift.io/vmfr-origin-namespace",
  /** On a temporary namespace: UID of the file restore it was made for, to tell it from one that was given our labels. */
  originUid: "oadp.openshift.io/vmfr-origin-uid",
  backupName: "oadp.openshift.io/backup-name",
  vmName: "oadp.openshift.io/vm-name",
  vmNamespace: "oadp.openshift.io/vm-namespace",
  /** `true` on a Velero Restore: the OpenShift plugin then restores PVCs under names of their own. */
  restore: "oadp.openshift.io/vmfr-restore",
  /** On the pod: how many PVCs it serves, decimal. */
  pvcCount: "oadp.openshift.io/vmfr-pvc-count",
  /** On the pod: `ssh`, `filebrowser` or `ssh,filebrowser`. */
  accessMethods: "oadp.openshift.io/vmfr-access-methods",
  generatedBy: "oadp.openshift.io/generated-by",
  /** On Secrets: `inline-public-key`. */
  source: "oadp.openshift.io/source",
  /** On a copied Secret: `<namespace>/<name>` of its source; the next two hold the parts. */
  copiedFrom: "oadp.openshift.io/copied-from",
  copiedFromSecret: "oadp.openshift.io/copied-from-secret",
  copiedFromNamespace: "oadp.openshift.io/copied-from-ns",
  /** OpenShift's service CA answers with a certificate in the Secret of that name. */
  servingCertificate: "service.beta.openshift.io/serving-cert-secret-name",
} as const;

export const INLINE_PUBLIC_KEY_SOURCE = "inline-public-key";

/** On a file restore, added in this order. */
export const finalizers = {
  veleroRestores: "oadp.openshift.io/velero-restore-cleanup-finalizer",
  resources: "oadp.openshift.io/vm-file-restore-finalizer",
} as const;

export const ports = { ssh: 2222, fileBrowser: 8443 } as const;

export const secretKeys = {
  username: "username",
  password: "password",
  privateKey: "privateKey",
  authorizedKeys: "authorized_keys",
} as const;

export const DEFAULT_USERNAME = "oadp";

/** Bytes; shorter passwords in a user's Secret are refused. */
export const MIN_PASSWORD_LENGTH = 12;

/** Name of the entry in `status.pvcRestores` that stands for a backup whose PVCs are not known. */
export const BACKUP_LEVEL_FAILURE = "backup-level-failure";
