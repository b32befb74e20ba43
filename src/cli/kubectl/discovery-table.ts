import type { VirtualMachineBackupsDiscovery } from "../../operator/api/v1alpha1/virtual-machine-backups-discovery.ts";
import { formatTable } from "../table.ts";
import { printable } from "./printable.ts";
import { messageOf } from "./status-line.ts";

/** Each backup with its disks, or with the reason why it cannot be used. */
export function discoveryTable({ metadata, status = {} }: VirtualMachineBackupsDiscovery): string {
  const { validBackups = [], invalidBackups = [] } = status;
  const rows = [
    ...validBackups.map(({ name, createdAt = "", pvcs = [] }) => [
      name,
      createdAt,
      "yes",
      pvcs.map(({ pvcName }) => pvcName).join(", "),
    ]),
    ...invalidBackups.map(({ name, createdAt = "", reason = "" }) => [name, createdAt, "no", reason]),
  ].map((row) => row.map(printable));
  const columns = [{ title: "BACKUP" }, { title: "COMPLETED" }, { title: "VALID" }, { title: "DISKS, OR WHY NOT" }];
  const table = rows.length === 0 ? "" : formatTable(columns, rows);
  const next = validBackups.length === 0 ? "" : `\n  kubectl vmfr restore --discovery ${metadata.name}\n`;
  return `${table}${printable(`${metadata.name}: ${status.phase ?? "New"}. ${messageOf(status)}`)}\n${next}`;
}
