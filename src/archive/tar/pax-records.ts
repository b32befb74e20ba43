/** Records of a pax extended header: `<length> <keyword>=<value>\n`, POSIX.1-2017 `pax`, "pax Extended Header". */

const NEWLINE = Buffer.from("\n");

export class PaxRecords {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  /** Bytes; zero when there is nothing to say. */
  get length(): number {
    return this.#length;
  }

  text(keyword: string, value: string | number | bigint): void {
    const record = Buffer.from(` ${keyword}=${value}\n`, "latin1");
    this.#push(Buffer.from(String(recordLength(record.length)), "latin1"), record);
  }

  /** Values are raw bytes and may hold anything. */
  bytes(keyword: string, value: Uint8Array): void {
    const start = Buffer.from(` ${keyword}=`, "latin1");
    const total = recordLength(start.length + value.length + 1);
    this.#push(Buffer.from(String(total), "latin1"), start, value, NEWLINE);
  }

  writeTo(target: { append(piece: Uint8Array): void }): void {
    for (const part of this.#parts) target.append(part);
  }

  #push(...parts: readonly Uint8Array[]): void {
    for (const part of parts) {
      this.#parts.push(part);
      this.#length += part.length;
    }
  }
}

/** The length counts its own digits. */
function recordLength(rest: number): number {
  let total = rest + String(rest).length;
  if (rest + String(total).length > total) total = rest + String(total).length;
  return total;
}

/** Nanoseconds since 1970 as decimal seconds, exact. */
export function paxTime(nanoseconds: bigint): string {
  const sign = nanoseconds < 0n ? "-" : "";
  const digits = String(nanoseconds < 0n ? -nanoseconds : nanoseconds).padStart(10, "0");
  const fraction = digits.slice(-9).replace(/0+$/, "");
  return `${sign}${digits.slice(0, -9)}${fraction === "" ? "" : `.${fraction}`}`;
}
