import type { FileServingInfo } from "../../operator/api/v1alpha1/file-access.ts";
import { pvcStates } from "../../operator/api/v1alpha1/pvc-restore.ts";
import type { VirtualMachineFileRestore } from "../../operator/api/v1alpha1/virtual-machine-file-restore.ts";
import { formatTable } from "../table.ts";
import { printable } from "./printable.ts";
import { messageOf } from "./status-line.ts";

/** Each disk of each backup with its state, and how to come to the files. */
export function describeRestore({ metadata, status = {} }: VirtualMachineFileRestore): string {
  const { name = "" } = metadata;
  const { pvcRestores = [], fileServingInfo, expiresAt } = status;
  const rows = pvcRestores
    .flatMap(({ pvcName, restores = [] }) => restores.map((entry) => ({ pvcName, entry })))
    .map(({ pvcName, entry: { veleroBackupName, state = "", failureReason = "", fileSystems = [] } }) => [
      veleroBackupName,
      pvcName,
      state,
      state === pvcStates.available ? fileSystems.map(({ volume }) => volume).join(", ") : failureReason,
    ])
    .map((row) => row.map(printable));
  const columns = [{ title: "BACKUP" }, { title: "DISK" }, { title: "STATE" }, { title: "FILE SYSTEMS, OR WHY NOT" }];
  const lines = [
    ...(rows.length === 0 ? [] : [formatTable(columns, rows)]),
    `${printable(`${name}: ${status.phase ?? "New"}. ${messageOf(status)}`)}\n`,
    ...(expiresAt === undefined ? [] : [`It deletes itself at ${printable(expiresAt)}.\n`]),
    ...(fileServingInfo === undefined ? [] : ["\n", access(name, fileServingInfo)]),
  ];
  return lines.join("");
}

function access(name: string, { ssh, fileBrowser }: FileServingInfo): string {
  const lines = [`  From here           kubectl vmfr open ${name}`];
  const field = (title: string, value: string | undefined) => {
    if (value !== undefined) lines.push(`  ${title.padEnd(20)}${printable(value)}`);
  };
  field("From outside", fileBrowser?.publicAccess);
  field("Within the cluster", fileBrowser?.clusterAccess);
  field("", ssh?.clusterAccess);
  field("SSH host key", ssh?.hostKeyFingerprint);
  field("Password", secretCommand(fileBrowser?.credentialsSecretRef, "password"));
  field("SSH key", secretCommand(ssh?.credentialsSecretRef, "privateKey"));
  return `${lines.join("\n")}\n`;
}

type SecretReference = NonNullable<FileServingInfo["ssh"]>["credentialsSecretRef"];

/** The secret itself is shown to those only who ask for it. */
function secretCommand(reference: SecretReference, key: string): string | undefined {
  if (reference === undefined) return undefined;
  const { namespace = "", name } = reference;
  return `kubectl get secret --namespace ${namespace} ${name} --output go-template='{{index .data "${key}" | base64decode}}'`;
}
