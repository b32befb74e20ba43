import { isConflict, isNotFound } from "../../kube/api-error.ts";
import type { KubeClient } from "../../kube/kube-client.ts";
import { keyOf, type Stored } from "../../kube/resource-type.ts";
import {
  type VirtualMachineBackupsDiscovery,
  type VirtualMachineBackupsDiscoveryStatus,
  virtualMachineBackupsDiscoveries,
} from "../api/v1alpha1/virtual-machine-backups-discovery.ts";

/** The object was edited, deleted or made anew meanwhile: what was found out belongs to something that is gone. */
export class SupersededError extends Error {
  override readonly name = "SupersededError";
}

const ATTEMPTS = 5;

/** Writes the status of one object as it was when the work began, and only as long as its spec stays that. */
export class StatusWriter {
  readonly #client: Pick<KubeClient, "replaceStatus" | "find">;
  #object: Stored<VirtualMachineBackupsDiscovery>;

  constructor(client: Pick<KubeClient, "replaceStatus" | "find">, object: Stored<VirtualMachineBackupsDiscovery>) {
    this.#client = client;
    this.#object = object;
  }

  get object(): Stored<VirtualMachineBackupsDiscovery> {
    return this.#object;
  }

  /** @throws SupersededError, ApiError */
  async write(status: VirtualMachineBackupsDiscoveryStatus, signal: AbortSignal): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        const object = { ...this.#object, status };
        this.#object = await this.#client.replaceStatus(virtualMachineBackupsDiscoveries, object, { signal });
        return;
      } catch (error) {
        if (isNotFound(error)) throw new SupersededError("deleted");
        if (!isConflict(error) || attempt >= ATTEMPTS) throw error;
        await this.#refresh(signal);
      }
    }
  }

  /** Others may change metadata, which is no reason to begin anew. */
  async #refresh(signal: AbortSignal): Promise<void> {
    const { uid, generation } = this.#object.metadata;
    const object = await this.#client.find(virtualMachineBackupsDiscoveries, keyOf(this.#object), { signal });
    if (object?.metadata.uid !== uid || object.metadata.generation !== generation || isDeleting(object)) {
      throw new SupersededError("edited or deleted");
    }
    this.#object = object;
  }
}

export function isDeleting({ metadata }: Stored<VirtualMachineBackupsDiscovery>): boolean {
  return metadata.deletionTimestamp !== undefined;
}
