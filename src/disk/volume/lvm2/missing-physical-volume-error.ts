import { SourceError } from "../../../errors.ts";
import type { PhysicalVolumeEntry } from "./group-metadata.ts";

/** A logical volume needs a physical volume that is on none of the disks at hand. */
export class MissingPhysicalVolumeError extends SourceError {
  constructor({ id, device }: PhysicalVolumeEntry) {
    const last = device === undefined ? "" : `, which the guest last saw as ${device}`;
    super(`physical volume ${id} is missing${last}: its disk is not in this backup, or cannot be read`, {
      retryable: false,
    });
  }
}
