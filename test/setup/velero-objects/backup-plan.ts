/** What a test or example wants to be in a backup, in few words; `planBackup` gives it Velero's shapes. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };
export type JsonObject = Record<string, Json | undefined>;

/** What became of a volume's data. */
export type VolumeData =
  /** Velero's data mover stored it as this Kopia snapshot. */
  | { readonly kind: "moved"; readonly manifestId: string; readonly bytes?: number; readonly mover?: string }
  | { readonly kind: "upload"; readonly phase: string; readonly message?: string }
  | { readonly kind: "csi-snapshot"; readonly driver: string; readonly handle: string }
  | { readonly kind: "native-snapshot"; readonly volumeType: string; readonly handle: string }
  | {
      readonly kind: "pod-volume-backup";
      readonly manifestId: string;
      readonly uploader?: string;
      readonly phase?: string;
      readonly message?: string;
    }
  | { readonly kind: "skipped"; readonly reason: string }
  /** The PVC's description alone. */
  | { readonly kind: "description-only" }
  /** The VM refers to the PVC, which the backup lacks. */
  | { readonly kind: "not-backed-up" };

export interface PlannedVolume {
  readonly pvcName: string;
  readonly volumeName?: string;
  readonly mode?: "Filesystem" | "Block";
  readonly capacity?: string;
  readonly bootOrder?: number;
  /** Backed by a DataVolume rather than a plain PVC. */
  readonly dataVolume?: boolean;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly data: VolumeData;
}

export interface PlannedVm {
  readonly namespace: string;
  readonly name: string;
  readonly volumes: readonly PlannedVolume[];
  /** Volumes as they stand in the VM's specification, for kinds without a PVC of their own. */
  readonly otherVolumes?: readonly JsonObject[];
  /** With a VMI and a launcher pod in the backup. */
  readonly running?: { readonly agentConnected: boolean; readonly freezeHooks: boolean };
}

export interface PlannedBackup {
  readonly name: string;
  readonly createdAt: string;
  readonly completedAt?: string;
  readonly phase?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly includedNamespaces?: readonly string[];
  readonly excludedNamespaces?: readonly string[];
  readonly vms: readonly PlannedVm[];
  /** Names of ConfigMaps, for backups that hold no VM. */
  readonly configMaps?: readonly { readonly namespace: string; readonly name: string }[];
  /** Further fields of the Backup's status. */
  readonly status?: JsonObject;
}
