/**
 * What NTFS knows of a file beyond POSIX, under the names ntfs-3g gives it: small named streams as `user.`
 * attributes, and the security descriptor, attributes, DOS name and reparse point as `system.ntfs_…`.
 */
import { nameFromText } from "../../../bytes/byte-name.ts";
import { UnsupportedFeatureError } from "../../../errors.ts";
import type { ExtendedAttribute } from "../file-system.ts";
import { NAMESPACE } from "./file-name.ts";
import type { FileNode } from "./file-node.ts";
import { namedStreams, openNamedStream } from "./named-streams.ts";
import type { SecurityDescriptors } from "./security-descriptors.ts";
import type { FileKind } from "./special-file.ts";
import { standardInformation } from "./standard-information.ts";
import { namesOf } from "./stat.ts";
import { nameFromUtf16 } from "./utf16-name.ts";
import type { Volume } from "./volume.ts";

const DIRECTORY = 0x10;
const NORMAL = 0x80;
/** Attributes that have a meaning outside the driver. */
const SHOWN = 0x00ff_ffff;

/**
 * Streams larger than the limit on attribute values are not here; they can be opened by name.
 * @throws CorruptDataError, LimitError
 */
export async function readAttributes(
  volume: Volume,
  descriptors: SecurityDescriptors,
  file: FileNode,
  { reparsePoint }: FileKind,
  signal?: AbortSignal,
): Promise<ExtendedAttribute[]> {
  const attributes = await streamAttributes(volume, file, signal);
  const add = (name: string, value: Uint8Array) =>
    attributes.push({ name: nameFromText(`system.ntfs_${name}`), value });
  const descriptor = await descriptors.read(file, signal);
  if (descriptor !== undefined) add("acl", descriptor);
  add("attrib_be", attributeBits(file));
  const dosName = namesOf(file).find(({ namespace }) => namespace === NAMESPACE.DOS);
  if (dosName !== undefined) add("dos_name", nameFromUtf16(dosName.name));
  if (reparsePoint !== undefined) add("reparse_data", reparsePoint.raw);
  return attributes;
}

async function streamAttributes(volume: Volume, file: FileNode, signal?: AbortSignal): Promise<ExtendedAttribute[]> {
  const attributes: ExtendedAttribute[] = [];
  for (const { name, size } of namedStreams(file)) {
    if (size > volume.limits.xattrValue) continue;
    try {
      const value = await openNamedStream(volume, file, name).read(0, size, signal);
      attributes.push({ name: Buffer.concat([nameFromText("user."), name]), value });
    } catch (error) {
      // An encrypted stream says so when it is opened; the other attributes are still worth having.
      if (!(error instanceof UnsupportedFeatureError)) throw error;
    }
  }
  return attributes;
}

/** Big-endian, with the bits that Windows derives. */
function attributeBits(file: FileNode): Uint8Array {
  const stored = standardInformation(file).attributes & SHOWN & ~(DIRECTORY | NORMAL);
  const bits = file.isDirectory ? stored | DIRECTORY : stored;
  const value = Buffer.alloc(4);
  value.writeUInt32BE(bits === 0 ? NORMAL : bits);
  return value;
}
