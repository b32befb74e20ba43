/** Records of a pax extended header: `<length> <keyword>=<value>\n`, POSIX.1-2017 `pax`, "pax Extended Header". */

/** Where records go; `reserve` gives that many bytes to fill in at once. */
interface RecordTarget {
  append(piece: Uint8Array): void;
  reserve(length: number): Buffer;
}

const LONGEST_RESERVED = 16 * 1024;

export class PaxRecords {
  /** Latin-1 text, neighbours in one piece: most members have nothing else, and so one write. */
  readonly #parts: (string | Uint8Array)[] = [];
  #length = 0;

  /** Bytes; zero when there is nothing to say. */
  get length(): number {
    return this.#length;
  }

  text(keyword: string, value: string | number | bigint): void {
    const record = ` ${keyword}=${value}\n`;
    this.#push(`${recordLength(record.length)}${record}`);
  }

  /** Values are raw bytes and may hold anything. */
  bytes(keyword: string, value: Uint8Array): void {
    const start = ` ${keyword}=`;
    this.#push(`${recordLength(start.length + value.length + 1)}${start}`);
    this.#push(value);
    this.#push("\n");
  }

  writeTo(target: RecordTarget): void {
    for (const part of this.#parts) {
      if (typeof part !== "string") target.append(part);
      else if (part.length > LONGEST_RESERVED) target.append(Buffer.from(part, "latin1"));
      else target.reserve(part.length).write(part, "latin1");
    }
  }

  #push(part: string | Uint8Array): void {
    this.#length += part.length;
    const last = this.#parts.at(-1);
    if (typeof part === "string" && typeof last === "string") this.#parts[this.#parts.length - 1] = last + part;
    else this.#parts.push(part);
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
