/** A percent-encoded segment for reading: valid UTF-8 decoded, anything else left as it is. */
export function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

const UNITS = ["byte", "KiB", "MiB", "GiB", "TiB"] as const;

export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const exponent = Math.min(Math.floor(Math.log2(bytes) / 10), UNITS.length - 1);
  const value = bytes / 1024 ** exponent;
  return `${value.toFixed(value < 10 ? 1 : 0)} ${UNITS[exponent]}`;
}

const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** In the reader's own time zone; the exact UTC value belongs in a title. */
export function formatTime(milliseconds: number): string {
  return Number.isFinite(milliseconds) ? dateTime.format(milliseconds) : "unknown";
}

const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_557_600_000],
  ["month", 2_629_800_000],
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
];

/** `3 days ago`, `in 2 hours`. */
export function formatRelative(milliseconds: number, now = Date.now()): string {
  const difference = milliseconds - now;
  for (const [unit, length] of STEPS) {
    // A backup of five and a half days ago is five days old; a session of nearly eight hours ends in eight.
    const count = difference > 0 ? Math.round(difference / length) : Math.trunc(difference / length);
    if (count !== 0) return relative.format(count, unit);
  }
  return relative.format(0, "minute");
}

const TYPE_LETTERS: Record<string, string> = {
  directory: "d",
  symlink: "l",
  fifo: "p",
  socket: "s",
  "character-device": "c",
  "block-device": "b",
  file: "-",
};

/** `-rw-r--r--` as `ls -l` writes it. */
export function formatMode(type: string, mode: number): string {
  const letters = [8, 7, 6, 5, 4, 3, 2, 1, 0].map((bit) => ((mode >> bit) & 1 ? "rwx"[(8 - bit) % 3] : "-"));
  const special = (position: number, bit: number, on: string, off: string): void => {
    if (mode & bit) letters[position] = letters[position] === "x" ? on : off;
  };
  special(2, 0o4000, "s", "S");
  special(5, 0o2000, "s", "S");
  special(8, 0o1000, "t", "T");
  return (TYPE_LETTERS[type] ?? "?") + letters.join("");
}
