/** Step 4: the namespace for PVCs and pod. */
import { namespaces } from "../../kube/resources.ts";
import type { VirtualMachineFileRestore } from "../api/v1alpha1/virtual-machine-file-restore.ts";
import { childNames } from "./child-names.ts";
import { isTemporaryNamespaceOf, temporaryNamespace } from "./children/namespace.ts";
import { type ChildClient, ensureCreated } from "./ensure.ts";
import type { RestoreOwner } from "./owner.ts";
import { StepFailure, type Waiting, waiting } from "./step.ts";

/** @throws StepFailure when the user's namespace is missing or the temporary one's name is taken. */
export async function prepareNamespace(
  client: ChildClient,
  owner: RestoreOwner,
  { spec, status }: VirtualMachineFileRestore,
): Promise<{ readonly kind: "ready"; readonly name: string } | Waiting> {
  if (spec.restoreNamespace !== undefined && spec.restoreNamespace !== "") {
    const found = await client.find(namespaces, { name: spec.restoreNamespace });
    if (found !== undefined) return { kind: "ready", name: spec.restoreNamespace };
    throw new StepFailure(
      "NamespaceCreationFailed",
      `Failed to create/validate restore namespace: specified restore namespace '${spec.restoreNamespace}' does not exist`,
    );
  }
  const known = await adopted(client, owner, status?.createdNamespace);
  if (known !== undefined) return { kind: "ready", name: known };
  const name = childNames.temporaryNamespace(owner, spec.namespacePrefix);
  const namespace = await ensureCreated(client, owner, namespaces, { name }, () =>
    temporaryNamespace(owner, spec.namespacePrefix),
  );
  if (!isTemporaryNamespaceOf(namespace, owner)) {
    throw new StepFailure(
      "NameTaken",
      `namespace ${name} was not made for this file restore, although it is labelled so`,
    );
  }
  if (namespace.metadata.deletionTimestamp !== undefined) {
    return waiting("NamespaceTerminating", `Waiting for namespace '${name}' to be gone before it is made anew`, 2_000);
  }
  return { kind: "ready", name };
}

/** One that an earlier version made under another name, and that is recorded in the status. */
async function adopted(
  client: ChildClient,
  owner: RestoreOwner,
  name: string | undefined,
): Promise<string | undefined> {
  if (name === undefined || name === "") return undefined;
  const found = await client.find(namespaces, { name });
  if (found === undefined || found.metadata.deletionTimestamp !== undefined) return undefined;
  return isTemporaryNamespaceOf(found, owner) ? name : undefined;
}
