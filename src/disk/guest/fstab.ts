/** The guest's /etc/fstab: fields separated by blanks, octal escapes, `#` comments (fstab(5)). */
import { displayName } from "../../bytes/byte-name.ts";

export interface FstabEntry {
  /** `UUID=…`, `LABEL=…`, `/dev/sda1`: decoded, and escaped for display as labels of file systems are. */
  readonly spec: string;
  /** Absolute path in the guest, decoded. */
  readonly mountPoint: Uint8Array;
}

/** Only what mounts a device on an absolute path other than `/`; everything else is passed over. Pure; never throws. */
export function parseFstab(text: Uint8Array): FstabEntry[] {
  const entries: FstabEntry[] = [];
  for (const line of Buffer.from(text).toString("latin1").split("\n")) {
    const [spec, mountPoint, type, options = ""] = line.trim().split(/[ \t]+/);
    if (spec === undefined || spec.startsWith("#") || mountPoint === undefined || type === undefined) continue;
    const path = decodeField(mountPoint);
    // A bind mount shows a directory of a file system that is in the tree already.
    const isBind = options.split(",").some((option) => option === "bind" || option === "rbind");
    if (!/^\/+[^/]/.test(path) || type === "swap" || isBind) continue;
    const device = decodeField(spec).replace(/^([A-Z]+=)"(.*)"$/, "$1$2");
    entries.push({ spec: displayName(Buffer.from(device, "latin1")), mountPoint: Buffer.from(path, "latin1") });
  }
  return entries;
}

/** Blanks in a field are written as `\040`. */
function decodeField(field: string): string {
  return field.replace(/\\([0-3][0-7]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
