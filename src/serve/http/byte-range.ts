/** The Range header for `bytes` (RFC 9110, section 14). */

/** A stretch of a representation; `length` is at least 1. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/**
 * One range is served as such. Several at once, other units and what does not parse are ignored, which RFC 9110
 * (section 14.2) allows: the client gets the whole, with status 200.
 */
export function parseRange(header: string | undefined, size: number): ByteRange | "whole" | "unsatisfiable" {
  const match = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(header ?? "");
  const first = match?.[1] ?? "";
  const last = match?.[2] ?? "";
  if (first === "" && last === "") return "whole";
  if (first === "") {
    const length = Math.min(Number(last), size);
    return length === 0 ? "unsatisfiable" : { offset: size - length, length };
  }
  const offset = Number(first);
  if (last !== "" && Number(last) < offset) return "whole";
  if (offset >= size) return "unsatisfiable";
  const end = last === "" ? size : Math.min(Number(last) + 1, size);
  return { offset, length: end - offset };
}
