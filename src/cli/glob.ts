import { nameKey } from "../bytes/byte-name.ts";

/**
 * A test for names by a shell pattern: `*`, `?`, `[abc]`, `[a-z]`, `[!a]`, `\` before a character means itself. Works on
 * bytes, so that `?` is one byte of a name that is not UTF-8, and on whole characters of one that is.
 */
export function globMatcher(pattern: string, ignoreCase = false): (name: Uint8Array) => boolean {
  const source = translate(pattern);
  const text = new RegExp(`^${source}$`, ignoreCase ? "sui" : "su");
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  return (name) => {
    try {
      return text.test(decoder.decode(name));
    } catch {
      return text.test(nameKey(name));
    }
  };
}

function translate(pattern: string): string {
  return pattern.replace(/\\(.)|\[(!?)((?:\][^\]]*|[^\]]+))\]|[\s\S]/gu, (token, escaped, negated, set) => {
    if (escaped !== undefined) return quote(escaped);
    if (set !== undefined) return `[${negated === "!" ? "^" : ""}${set.replace(/[\\\]^[]/g, "\\$&")}]`;
    if (token === "*") return ".*";
    if (token === "?") return ".";
    return quote(token);
  });
}

function quote(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/gu, "\\$&");
}
