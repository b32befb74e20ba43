/** The guest's /etc/crypttab: the names under which it opens encrypted volumes (crypttab(5)). */
import { displayName } from "../../bytes/byte-name.ts";

/**
 * From the device file the guest gives a volume to the one named after the volume's UUID, which vmfr gives it:
 * `/dev/mapper/data_crypt` to `/dev/mapper/luks-…`. Pure; never throws.
 */
export function parseCrypttab(text: Uint8Array): Map<string, string> {
  const devices = new Map<string, string>();
  for (const line of Buffer.from(text).toString("latin1").split("\n")) {
    const [name, device = ""] = line.trim().split(/[ \t]+/);
    if (name === undefined || name === "" || name.startsWith("#")) continue;
    const [, uuid] = /^(?:UUID="?|\/dev\/disk\/by-uuid\/)([0-9a-f-]{36})"?$/i.exec(device) ?? [];
    if (uuid === undefined) continue;
    devices.set(`/dev/mapper/${displayName(Buffer.from(name, "latin1"))}`, `/dev/mapper/luks-${uuid.toLowerCase()}`);
  }
  return devices;
}
