const RFC3339 = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})$/;

/** Nanoseconds since 1970 of an RFC 3339 time with up to nine decimals, or undefined when it is none. */
export function nanosecondsOf(text: string): bigint | undefined {
  const [, seconds, fraction = "", zone] = RFC3339.exec(text) ?? [];
  const milliseconds = Date.parse(`${seconds}${zone}`);
  if (seconds === undefined || Number.isNaN(milliseconds)) return undefined;
  return BigInt(milliseconds) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}
