/** `<backup>-resource-list.json.gz`: kind to names, the cheapest way to learn what a backup holds. */
import { z } from "zod";
import { list } from "./backup-object-reader.ts";

/** `<group>/<version>/<Kind>` or `v1/<Kind>` to `<namespace>/<name>` or `<name>`. */
export type ResourceList = Readonly<Record<string, readonly string[]>>;

export const resourceListSchema = z
  .record(z.string(), list(z.string()))
  .nullish()
  .transform((value): ResourceList => value ?? {});

/** Of KubeVirt's group in any version; another group's VirtualMachine is something else. */
const VIRTUAL_MACHINE = /^kubevirt\.io\/[^/]+\/VirtualMachine$/i;

export function listsVirtualMachine(resources: ResourceList, namespace: string, name: string): boolean {
  const wanted = `${namespace}/${name}`;
  return Object.entries(resources).some(([kind, names]) => VIRTUAL_MACHINE.test(kind) && names.includes(wanted));
}
