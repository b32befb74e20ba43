/** Tar archives as Go's archive/tar writes them for Velero: regular files, mode 0755, PAX records where USTAR has no room. */

const BLOCK = 512;

/** A whole archive with its end marker. @param modified seconds since 1970 */
export function tarArchive(members: Iterable<readonly [path: string, content: Uint8Array]>, modified = 0): Buffer {
  const parts: Buffer[] = [];
  for (const [path, content] of members) {
    if (Buffer.byteLength(path) > 100) parts.push(...file("x", paxName(path), paxRecord("path", path), modified));
    parts.push(...file("0", path, Buffer.from(content), modified));
  }
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

function file(type: string, path: string, content: Buffer, modified: number): Buffer[] {
  const padding = Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK);
  return [tarHeader(type, path, content.length, modified), content, padding];
}

export function tarHeader(type: string, path: string, size: number, modified: number): Buffer {
  const header = Buffer.alloc(BLOCK);
  Buffer.from(path).copy(header, 0, 0, 100);
  header.write(octal(0o755, 7), 100);
  header.write(octal(0, 7), 108);
  header.write(octal(0, 7), 116);
  header.write(octal(size, 11), 124);
  header.write(octal(modified, 11), 136);
  header.write(" ".repeat(8), 148);
  header.write(type, 156);
  header.write("ustar\u000000", 257, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\0 `, 148, "latin1");
  return header;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

function paxName(path: string): string {
  const base = path.slice(path.lastIndexOf("/") + 1);
  return `PaxHeaders.0/${base}`.slice(0, 99);
}

/** The record's length counts itself. */
function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  if (String(length).length !== String(rest).length) length = rest + String(length).length;
  return Buffer.from(`${length} ${key}=${value}\n`);
}
