/**
 * Tree paths in URLs: every octet of a name may come percent-encoded, valid UTF-8 or not (RFC 3986, section 2.1).
 * Works on the request target as it was sent: URL libraries resolve `..`, turn backslashes into slashes and
 * replace what is not UTF-8, each of which would name another file than the one asked for.
 */
import { displayName, nameFromKey, splitPath } from "../../bytes/byte-name.ts";
import { PathError } from "../../errors.ts";
import type { ApiPath } from "./api-types.ts";

export interface RequestTarget {
  /** As sent, still percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
}

/**
 * Splits an origin-form request target (RFC 9112, section 3.2.1).
 * @throws PathError invalid-path for other forms, `..` in any spelling, NUL, an encoded slash and broken escapes.
 */
export function parseRequestTarget(target: string): RequestTarget {
  const question = target.indexOf("?");
  const path = question < 0 ? target : target.slice(0, question);
  if (!path.startsWith("/")) throw invalidPath(path, "it must start with a slash");
  decodePath(path);
  return { path, query: new URLSearchParams(question < 0 ? "" : target.slice(question + 1)) };
}

/** Raw bytes of a percent-encoded path. @throws PathError invalid-path as parseRequestTarget does. */
export function decodePath(encoded: string): Uint8Array {
  if (/%(?![0-9A-Fa-f]{2})/.test(encoded)) throw invalidPath(encoded, "a percent sign is not followed by two digits");
  if (/%2f/i.test(encoded)) throw invalidPath(encoded, "a name cannot hold a slash");
  if (/%00/.test(encoded)) throw invalidPath(encoded, "a name cannot hold a NUL");
  const path = nameFromKey(encoded.replace(/%([0-9A-Fa-f]{2})/g, (_, digits) => latin1(Number.parseInt(digits, 16))));
  if (splitPath(path).some(isParent)) throw invalidPath(encoded, "it leads upwards");
  return path;
}

/** Percent-encodes a raw path; slashes stay. The result is plain ASCII and needs no further quoting in a URL. */
export function encodePath(path: Uint8Array): string {
  let encoded = "";
  for (const byte of path) {
    const character = String.fromCharCode(byte);
    encoded += /[A-Za-z0-9._~/-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}

export function apiPath(path: Uint8Array): ApiPath {
  return { text: displayName(path), href: encodePath(path) };
}

function latin1(byte: number): string {
  return String.fromCharCode(byte);
}

function isParent(name: Uint8Array): boolean {
  return name.length === 2 && name[0] === 0x2e && name[1] === 0x2e;
}

function invalidPath(encoded: string, why: string): PathError {
  return new PathError("invalid-path", displayName(nameFromKey(encoded)), why);
}
