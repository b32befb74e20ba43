import { CorruptDataError } from "../../../errors.ts";

const FORMAT = "luks";
const DECIMAL = /^\d{1,20}$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$|^[A-Za-z0-9+/]{2,3}={1,2}$/;

/**
 * Checked access to the members of one JSON object of a LUKS2 header. Every method throws a CorruptDataError that
 * names the object and the member when it is not of the kind asked for.
 */
export class JsonFields {
  readonly #members: ReadonlyMap<string, unknown>;
  readonly #name: string;

  /** @param name of the object, for people: `keyslot 3` */
  constructor(value: unknown, name: string) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw corrupt(name, "is no object");
    this.#members = new Map(Object.entries(value));
    this.#name = name;
  }

  static parse(json: string, name: string): JsonFields {
    let value: unknown;
    try {
      value = JSON.parse(json);
    } catch {
      throw corrupt(name, "is not JSON");
    }
    return new JsonFields(value, name);
  }

  has(member: string): boolean {
    return this.#members.has(member);
  }

  names(): string[] {
    return [...this.#members.keys()];
  }

  text(member: string): string {
    const value = this.#members.get(member);
    if (typeof value !== "string") throw this.#corrupt(member, "is no text");
    return value;
  }

  /** A number of its own, not negative. */
  integer(member: string): number {
    const value = this.#members.get(member);
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
      throw this.#corrupt(member, "is no whole number");
    }
    return value;
  }

  /** A number of 64 bits, which LUKS2 writes as decimal text. */
  decimal(member: string): number {
    const text = this.text(member);
    const value = Number(text);
    if (!DECIMAL.test(text) || !Number.isSafeInteger(value)) throw this.#corrupt(member, "is no plausible number");
    return value;
  }

  bytes(member: string): Uint8Array {
    const text = this.text(member);
    if (!BASE64.test(text)) throw this.#corrupt(member, "is not Base64");
    return Buffer.from(text, "base64");
  }

  /** Texts. */
  list(member: string): string[] {
    const value: unknown = this.#members.get(member);
    if (!Array.isArray(value)) throw this.#corrupt(member, "is no list");
    return value.map((each: unknown) => {
      if (typeof each !== "string") throw this.#corrupt(member, "holds something that is no text");
      return each;
    });
  }

  object(member: string, name = `${this.#name}, ${member}`): JsonFields {
    return new JsonFields(this.#members.get(member), name);
  }

  #corrupt(member: string, problem: string): CorruptDataError {
    return corrupt(this.#name, `${member} ${problem}`);
  }
}

function corrupt(name: string, problem: string): CorruptDataError {
  return new CorruptDataError({ format: FORMAT, structure: name }, problem);
}
