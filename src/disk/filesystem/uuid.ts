/** Sixteen bytes as `blkid` prints them: hexadecimal, in groups. */
export function formatUuid(uuid: Uint8Array): string {
  const digits = Buffer.from(uuid).toString("hex");
  return [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)].join(
    "-",
  );
}
