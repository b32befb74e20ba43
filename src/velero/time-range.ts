import { ConfigError } from "../errors.ts";

/** Both ends belong to the range; an absent end is open. */
export interface TimeRange {
  readonly from?: Date;
  readonly to?: Date;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const RFC3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;

/**
 * A range from two texts, each RFC 3339 or a date. A date is a day in UTC: as the start its first instant, as
 * the end its last, while `2024-01-31T00:00:00Z` is that instant.
 * @throws ConfigError `invalid startTime format: …` or `invalid endTime format: …`
 */
export function parseTimeRange(start?: string, end?: string): TimeRange | undefined {
  if (start === undefined && end === undefined) return undefined;
  return {
    ...(start === undefined ? {} : { from: parseTime("startTime", start) }),
    ...(end === undefined ? {} : { to: endOfRange(end) }),
  };
}

function endOfRange(text: string): Date {
  const time = parseTime("endTime", text);
  return DATE.test(text) ? new Date(time.getTime() + DAY_MS - 1) : time;
}

function parseTime(field: string, text: string): Date {
  const time = new Date(DATE.test(text) || RFC3339.test(text) ? text : Number.NaN);
  // Date rolls 30 February over to March; a day that does not come back as written does not exist.
  const dayExists = new Date(`${text.slice(0, 10)}T00:00:00Z`);
  if (
    Number.isNaN(time.getTime()) ||
    Number.isNaN(dayExists.getTime()) ||
    dayExists.toISOString().slice(0, 10) !== text.slice(0, 10)
  ) {
    throw new ConfigError(
      `invalid ${field} format: unable to parse time ${JSON.stringify(text)}: expected RFC3339 (2006-01-02T15:04:05Z) or date-only (2006-01-02) format`,
    );
  }
  return time;
}

/** A time that is not known lies in no range. */
export function isInRange(range: TimeRange, time: Date | undefined): boolean {
  if (time === undefined) return false;
  return (range.from === undefined || range.from <= time) && (range.to === undefined || time <= range.to);
}
