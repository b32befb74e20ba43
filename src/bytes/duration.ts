import { ConfigError } from "../errors.ts";

const UNIT_MS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90m`, `8h`, `1h30m`, `2d` in milliseconds. @throws ConfigError for anything else. */
export function parseDuration(text: string): number {
  const parts = [...text.matchAll(/(\d+)([smhd])/g)];
  const isWhole = parts.map(([part]) => part).join("") === text;
  const total = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNIT_MS[unit ?? ""] ?? 0), 0);
  if (!isWhole || total <= 0) throw new ConfigError(`${JSON.stringify(text)} is not a duration such as 90m, 8h or 2d`);
  return total;
}

/** As parseDuration reads it, to the second: `1h30m`. Less than a second is `0s`. */
export function formatDuration(ms: number): string {
  let left = Math.floor(ms / 1000) * 1000;
  const parts = Object.entries(UNIT_MS)
    .toReversed()
    .map(([unit, length]) => {
      const amount = Math.floor(left / length);
      left -= amount * length;
      return amount === 0 ? "" : `${amount}${unit}`;
    });
  return parts.join("") || "0s";
}
