/** Content-Disposition for a download (RFC 6266), with the exact name in RFC 8187 form where it is text. */
import { utf8OrUndefined } from "../../bytes/byte-name.ts";
import { encodePath } from "./request-path.ts";

/** Control characters, and what Windows, shells and old browsers stumble over in a file name. */
const UNSAFE = /[^\u0020-\u007e]|["\\/:*?<>|%]/g;

/**
 * `attachment` with an ASCII fall-back name, and the real one beside it when that differs. Bytes that are not
 * UTF-8 have no exact form here; they become `_` (archives and SFTP keep them).
 */
export function attachment(name: Uint8Array): string {
  const text =
    utf8OrUndefined(name) ??
    Buffer.from(name)
      .toString("latin1")
      .replace(/[\u0080-\u00ff]/g, "_");
  const fallback = text.replace(UNSAFE, "_");
  if (fallback === text) return `attachment; filename="${fallback}"`;
  return `attachment; filename="${fallback}"; filename*=UTF-8''${extendedValue(withoutControls(text))}`;
}

function withoutControls(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is its purpose
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]|\//g, "_");
}

/** RFC 8187, section 3.2.1: a subset of what encodePath leaves as it is, once slashes are gone. */
function extendedValue(text: string): string {
  return encodePath(Buffer.from(text));
}
