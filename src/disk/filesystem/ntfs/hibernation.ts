import { nameFromText } from "../../../bytes/byte-name.ts";
import { SourceError, VmfrError } from "../../../errors.ts";
import { ATTRIBUTE } from "./attribute.ts";
import { openValue } from "./content.ts";
import { Directory } from "./directory.ts";
import { attributeValue, type FileNodes, nodeIdOf } from "./file-node.ts";
import { SYSTEM_RECORD } from "./master-file-table.ts";
import type { UpcaseTable } from "./upcase-table.ts";
import { sizeOf } from "./value.ts";
import type { Volume } from "./volume.ts";

const MAGIC = "hibr";

/**
 * Whether Windows keeps a session in hiberfil.sys, hibernated or by fast startup; the header loses its magic
 * number on waking up. Damage counts as no. @throws SourceError
 */
export async function isHibernated(
  volume: Volume,
  nodes: FileNodes,
  upcase: UpcaseTable,
  signal?: AbortSignal,
): Promise<boolean> {
  try {
    const root = new Directory(volume, await nodes.read(SYSTEM_RECORD.ROOT, signal), upcase);
    const found = await root.lookup(nameFromText("hiberfil.sys"), signal);
    if (found === undefined) return false;
    const file = await nodes.read(nodeIdOf(found.reference), signal);
    const value = attributeValue(file, ATTRIBUTE.DATA);
    if (value === undefined || sizeOf(value) < MAGIC.length) return false;
    const header = await openValue(volume, value, file.number).read(0, MAGIC.length, signal);
    return Buffer.from(header).toString("latin1").toLowerCase() === MAGIC;
  } catch (error) {
    if (!(error instanceof VmfrError) || error instanceof SourceError) throw error;
    return false;
  }
}
