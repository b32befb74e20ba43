import { dosTime } from "../fat/dos-time.ts";

const OFFSET_VALID = 0x80;
const NANOSECONDS_PER_QUARTER_HOUR = 15n * 60n * 1_000_000_000n;

/**
 * Nanoseconds since 1970.
 * @param stamp date in the upper 16 bits, time in the lower
 * @param hundredths 0 to 199
 * @param zone quarters of an hour east of UTC, signed, in seven bits below a mark that it is known; else UTC is taken
 */
export function exfatTime(stamp: number, zone: number, hundredths = 0): bigint {
  const local = dosTime(stamp >>> 16, stamp & 0xffff, hundredths);
  if ((zone & OFFSET_VALID) === 0) return local;
  const quarters = (zone << 25) >> 25;
  return local - BigInt(quarters) * NANOSECONDS_PER_QUARTER_HOUR;
}
