/** Entity tags and conditional requests (RFC 9110, sections 8.8 and 13). Only GET and HEAD exist, so only those rules do. */
import { createHash } from "node:crypto";
import type { TreeStat } from "../../restore-tree/tree-node.ts";

export interface Validators {
  /** Strong: a backup does not change, so the same file has the same bytes. */
  readonly etag: string;
  readonly lastModified: string;
}

export function validatorsOf(stat: TreeStat): Validators {
  const digest = createHash("sha256").update(`${stat.identity}\n${stat.mtime}\n${stat.size}`).digest("base64url");
  return { etag: `"${digest.slice(0, 27)}"`, lastModified: httpDate(stat.mtime) };
}

/** True when the client's copy is the same: answer 304. If-None-Match wins over If-Modified-Since. */
export function isNotModified(headers: ConditionalHeaders, validators: Validators): boolean {
  const noneMatch = headers.ifNoneMatch;
  if (noneMatch !== undefined) return matchesAny(noneMatch, validators.etag);
  if (headers.ifModifiedSince === undefined) return false;
  return Date.parse(validators.lastModified) <= Date.parse(headers.ifModifiedSince);
}

/** True when the Range header counts: no If-Range, or one that names exactly this representation. */
export function isRangeCurrent(ifRange: string | undefined, validators: Validators): boolean {
  return ifRange === undefined || ifRange === validators.etag || ifRange === validators.lastModified;
}

export interface ConditionalHeaders {
  readonly ifNoneMatch?: string | undefined;
  readonly ifModifiedSince?: string | undefined;
}

function matchesAny(list: string, etag: string): boolean {
  return list.split(",").some((item) => item.trim() === "*" || item.trim().replace(/^W\//, "") === etag);
}

/** Milliseconds that Date can hold; guests store whatever they like. */
const LATEST_MS = 8_640_000_000_000_000;

/** IMF-fixdate (RFC 9110, section 5.6.7). Years that its four digits cannot say become the nearest that they can. */
function httpDate(nanoseconds: bigint): string {
  const milliseconds = Number(nanoseconds / 1_000_000n);
  const earliest = Date.UTC(1000, 0, 1);
  const latest = Math.min(LATEST_MS, Date.UTC(9999, 11, 31));
  return new Date(Math.max(earliest, Math.min(latest, milliseconds))).toUTCString();
}
