/** Which operating system a root file system holds. */
import { displayName, nameFromText } from "../../bytes/byte-name.ts";
import type { FileSystem } from "../filesystem/file-system.ts";
import { readGuestFile, tolerating } from "./guest-file.ts";

export interface OperatingSystem {
  /** As os-release(5) has it: `debian`, `rhel`, `linux` where it says none; or `windows`. */
  readonly id: string;
  /** For people: `Debian GNU/Linux 12 (bookworm)`, `Windows Server 2022 Standard`. */
  readonly name: string;
  /** `12`, `9.4`; of Windows the build: `20348`. Absent where it has none (rolling releases). */
  readonly version?: string;
  /** The machine's name by its own account. */
  readonly hostName?: string;
}

const OS_RELEASE = ["etc/os-release", "usr/lib/os-release"] as const;
const LARGEST_OS_RELEASE = 64 * 1024;
const LARGEST_HOSTNAME = 1024;
const LONGEST_TEXT = 200;

/** By its os-release; undefined when it has none. @throws SourceError when it may pass, and the signal's reason */
export async function readOsRelease(
  fileSystem: FileSystem,
  signal?: AbortSignal,
): Promise<OperatingSystem | undefined> {
  for (const path of OS_RELEASE) {
    const file = await tolerating(() => readGuestFile(fileSystem, path, LARGEST_OS_RELEASE, signal));
    const found = file === undefined ? undefined : parseOsRelease(file);
    if (found === undefined) continue;
    const name = await tolerating(() => readGuestFile(fileSystem, "etc/hostname", LARGEST_HOSTNAME, signal));
    const hostName = name === undefined ? undefined : shownText(Buffer.from(name).toString("utf8").trim());
    return hostName === undefined ? found : { ...found, hostName };
  }
  return undefined;
}

/** Pure; never throws. Undefined when the text names no system. */
export function parseOsRelease(text: Uint8Array): OperatingSystem | undefined {
  const values = new Map<string, string>();
  for (const line of Buffer.from(text).toString("utf8").split("\n")) {
    const [, key, value] = /^([A-Z0-9_]+)=(.*)$/.exec(line.trim()) ?? [];
    if (key !== undefined && value !== undefined) values.set(key, unquote(value));
  }
  const id = shownText(values.get("ID"));
  const version = shownText(values.get("VERSION_ID"));
  const name = shownText(values.get("PRETTY_NAME")) ?? shownText(values.get("NAME")) ?? id;
  if (name === undefined) return undefined;
  return { id: id ?? "linux", name, ...(version === undefined ? {} : { version }) };
}

/** As a shell does: a backslash keeps its meaning inside single quotes only. */
function unquote(value: string): string {
  const [, quote, inner] = /^(["'])(.*)\1$/.exec(value) ?? [];
  if (quote === "'") return inner ?? "";
  return (inner ?? value).replace(/\\(.)/g, "$1");
}

/** A guest's own words as one short line that cannot disguise anything; undefined when nothing is left. */
export function shownText(text: string | undefined): string | undefined {
  if (text === undefined || text === "") return undefined;
  return displayName(nameFromText(Array.from(text).slice(0, LONGEST_TEXT).join("")));
}
