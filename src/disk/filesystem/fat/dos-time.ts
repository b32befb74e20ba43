/** Dates and times as FAT and exFAT store them. They are local to the guest; without its time zone they are taken for UTC. */

const FIRST_YEAR = 1980;
const NANOSECONDS_PER_MILLISECOND = 1_000_000n;

/**
 * Nanoseconds since 1970.
 * @param date day in bits 0 to 4, month in bits 5 to 8, years since 1980 in bits 9 to 15; day or month 0 counts as 1, as in Linux
 * @param time seconds divided by two in bits 0 to 4, minutes in bits 5 to 10, hours in bits 11 to 15
 * @param hundredths 0 to 199, on top of the two-second resolution of `time`
 */
export function dosTime(date: number, time = 0, hundredths = 0): bigint {
  const milliseconds = Date.UTC(
    FIRST_YEAR + (date >> 9),
    Math.max(1, (date >> 5) & 0xf) - 1,
    Math.max(1, date & 0x1f),
    time >> 11,
    (time >> 5) & 0x3f,
    (time & 0x1f) * 2,
    hundredths * 10,
  );
  return BigInt(milliseconds) * NANOSECONDS_PER_MILLISECOND;
}
