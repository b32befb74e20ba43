import type { FileType } from "../disk/filesystem/file-system.ts";

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
  const date = new Date(milliseconds);
  // ext4 and XFS can hold dates that JavaScript's calendar cannot.
  return Number.isNaN(date.getTime()) ? `@${nanoseconds / 1_000_000_000n}` : date.toISOString().replace(/\.\d+Z$/, "Z");
}

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

const TYPE_LETTERS: Record<FileType, string> = {
  file: "-",
  directory: "d",
  symlink: "l",
  fifo: "p",
  socket: "s",
  "character-device": "c",
  "block-device": "b",
  unknown: "?",
};

/** `-rwsr-xr-x` as `ls -l` writes it. */
export function formatMode(type: FileType, mode: number): string {
  const bits = Array.from({ length: 9 }, (_, index) =>
    (mode >> (8 - index)) & 1 ? ("rwx"[index % 3] as string) : "-",
  );
  const special = (index: number, mask: number, letter: string): void => {
    if (mode & mask) bits[index] = bits[index] === "x" ? letter : letter.toUpperCase();
  };
  special(2, 0o4000, "s");
  special(5, 0o2000, "s");
  special(8, 0o1000, "t");
  return TYPE_LETTERS[type] + bits.join("");
}
