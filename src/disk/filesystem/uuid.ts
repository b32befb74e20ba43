/** Sixteen bytes as `blkid` prints them: hexadecimal, in groups. */
export function formatUuid(uuid: Uint8Array): string {
  const digits = Buffer.from(uuid).toString("hex");
  return [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)].join(
    "-",
  );
}

/** Sixteen bytes as Windows and GPT write them: the first three groups are little-endian. */
export function formatGuid(guid: Uint8Array): string {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0, ...rest] = guid;
  return formatUuid(Uint8Array.of(d, c, b, a, f, e, h, g, ...rest));
}
