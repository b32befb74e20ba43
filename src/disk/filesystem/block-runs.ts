/** A stretch of logical blocks and where it lies; no `physical` where it is not mapped. All figures are blocks. */
export interface MappedRange {
  readonly logical: number;
  readonly length: number;
  readonly physical?: number;
}

/** Cuts [start, end) out of a range: what remains on either side. */
function without(range: MappedRange, start: number, end: number): MappedRange[] {
  const rangeEnd = range.logical + range.length;
  const parts: MappedRange[] = [];
  if (range.logical < start) parts.push({ ...range, length: start - range.logical });
  if (rangeEnd > end) {
    const physical = range.physical === undefined ? {} : { physical: range.physical + (end - range.logical) };
    parts.push({ logical: end, length: rangeEnd - end, ...physical });
  }
  return parts;
}

/** Puts a range over what `ranges` (ascending, not overlapping) say about the same blocks; in place. */
export function putRange(ranges: MappedRange[], range: MappedRange): void {
  const end = range.logical + range.length;
  let first = 0;
  let high = ranges.length;
  while (first < high) {
    const middle = (first + high) >>> 1;
    const { logical, length } = ranges[middle] as MappedRange;
    if (logical + length <= range.logical) first = middle + 1;
    else high = middle;
  }
  let next = first;
  while (next < ranges.length && (ranges[next] as MappedRange).logical < end) next++;
  const remains = ranges.slice(first, next).flatMap((each) => without(each, range.logical, end));
  const before = remains.filter((each) => each.logical < range.logical);
  const after = remains.filter((each) => each.logical >= end);
  ranges.splice(first, next - first, ...before, range, ...after);
}
