const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** `1.4 MiB`; whole numbers below a KiB. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** RFC 3339 in UTC to the second from nanoseconds since 1970. */
export function formatTime(nanoseconds: bigint): string {
  const milliseconds = Number(nanoseconds / 1_000_000n);
  const minute = Math.floor(milliseconds / 60_000);
  if (minute !== latest.minute) {
    const date = new Date(minute * 60_000);
    // ext4 and XFS can hold dates that JavaScript's calendar cannot.
    if (Number.isNaN(date.getTime())) return `@${nanoseconds / 1_000_000_000n}`;
    latest = { minute, text: date.toISOString().slice(0, -"00.000Z".length) };
  }
  const second = Math.floor((milliseconds - minute * 60_000) / 1000);
  return `${latest.text}${second < 10 ? "0" : ""}${second}Z`;
}

/** Files listed one after the other were mostly written in the same minute, and dates are dear to format. */
let latest = { minute: Number.NaN, text: "" };

/** `1:05` or `2:03:09`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = String(rest).padStart(2, "0");
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}

/** RFC 3339 in UTC with all nine digits. */
export function formatExactTime(nanoseconds: bigint): string {
  const fraction = ((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const seconds = (nanoseconds - fraction) / 1_000_000_000n;
  return formatTime(seconds * 1_000_000_000n).replace(/Z$/, `.${String(fraction).padStart(9, "0")}Z`);
}
