/** What the first bytes of a file are, for showing: text in some encoding, or bytes. */
export type Decoded =
  | { readonly kind: "text"; readonly text: string; readonly encoding: string }
  | { readonly kind: "binary" };

/**
 * Byte order marks decide; else valid UTF-8 is UTF-8 (a character cut by the end of the sample is forgiven);
 * else NUL bytes and control characters mean binary; what remains is read as Windows-1252, which has every byte.
 */
export function decodeText(bytes: Uint8Array): Decoded {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return decodeAs("utf-16le", bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return decodeAs("utf-16be", bytes);
  if (bytes.includes(0)) return { kind: "binary" };
  const utf8 = decodeUtf8(bytes);
  if (utf8 !== undefined) return { kind: "text", text: utf8, encoding: "UTF-8" };
  const controls = bytes.reduce(
    (count, byte) => count + (byte < 0x20 && ![9, 10, 12, 13, 27].includes(byte) ? 1 : 0),
    0,
  );
  if (controls > bytes.length / 100) return { kind: "binary" };
  return decodeAs("windows-1252", bytes);
}

function decodeAs(encoding: string, bytes: Uint8Array): Decoded {
  return { kind: "text", text: new TextDecoder(encoding).decode(bytes), encoding: encoding.toUpperCase() };
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    // A stream decoder keeps an incomplete last character back instead of failing on it.
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
  } catch {
    return undefined;
  }
}

const ROW = 16;

/** Offset, hexadecimal bytes and printable ASCII, sixteen bytes a line. */
export function hexDump(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let offset = 0; offset < bytes.length; offset += ROW) {
    const row = [...bytes.subarray(offset, offset + ROW)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const ascii = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${offset.toString(16).padStart(8, "0")}  ${hex.padEnd(ROW * 3 - 1)}  ${ascii}`);
  }
  return lines.join("\n");
}
