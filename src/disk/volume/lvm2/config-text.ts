/**
 * LVM2's configuration language, as its metadata is written in: `key = value`, `section { … }`, `#` comments
 * (lvm2 `libdm/libdm-config.c`).
 */
import { CorruptDataError, type CorruptionPlace } from "../../../errors.ts";

export type ConfigValue = number | string | readonly (number | string)[];

/** Sections nest no deeper than group, volumes, volume, segment. */
const DEEPEST = 16;
const PLACE: CorruptionPlace = { format: "lvm2", structure: "metadata text" };

/** The nodes of a section by name; asking for what is not there, or is something else, is an error that names it. */
export class ConfigSection {
  readonly path: string;
  readonly #values = new Map<string, ConfigValue>();
  readonly #sections = new Map<string, ConfigSection>();

  constructor(path: string) {
    this.path = path;
  }

  get sections(): ReadonlyMap<string, ConfigSection> {
    return this.#sections;
  }

  /** LVM reads the first of two nodes of one name. */
  setValue(key: string, value: ConfigValue): void {
    if (!this.#values.has(key)) this.#values.set(key, value);
  }

  setSection(key: string, section: ConfigSection): void {
    if (!this.#sections.has(key)) this.#sections.set(key, section);
  }

  has(key: string): boolean {
    return this.#values.has(key) || this.#sections.has(key);
  }

  /** @throws CorruptDataError */
  section(key: string): ConfigSection {
    const found = this.#sections.get(key);
    if (found === undefined) throw this.corrupt(key, "is missing");
    return found;
  }

  /** A whole number from 0. @throws CorruptDataError */
  number(key: string): number {
    const value = this.#values.get(key);
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0)
      throw this.corrupt(key, "is not a number from 0");
    return value;
  }

  numberOr(key: string, absent: number): number {
    return this.#values.has(key) ? this.number(key) : absent;
  }

  /** @throws CorruptDataError */
  string(key: string): string {
    const value = this.#values.get(key);
    if (typeof value !== "string") throw this.corrupt(key, "is not a string");
    return value;
  }

  stringOr<Absent>(key: string, absent: Absent): string | Absent {
    return this.#values.has(key) ? this.string(key) : absent;
  }

  /** A value by itself is a list of one. @throws CorruptDataError */
  list(key: string): readonly (number | string)[] {
    const value = this.#values.get(key);
    if (value === undefined) throw this.corrupt(key, "is missing");
    return typeof value === "object" ? value : [value];
  }

  corrupt(key: string, problem: string): CorruptDataError {
    return new CorruptDataError(PLACE, `${this.path}${key} ${problem}`);
  }
}

const MARKS = "[]{},=";
const BLANKS = " \t\r\n\v\f\0";
const ENDS_WORD = `${MARKS}${BLANKS}"#`;

/** @throws CorruptDataError */
export function parseConfigText(text: Uint8Array): ConfigSection {
  return new ConfigParser(Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString("latin1")).parse();
}

class ConfigParser {
  readonly #text: string;
  #position = 0;
  #token = "";

  constructor(text: string) {
    this.#text = text;
  }

  parse(): ConfigSection {
    const root = new ConfigSection("");
    this.#advance();
    this.#fill(root, 0);
    if (this.#token !== "") throw this.#problem("has a closing brace too many");
    return root;
  }

  #problem(problem: string): CorruptDataError {
    return new CorruptDataError(PLACE, `${problem}, at character ${this.#position}`);
  }

  /** Sets the next token: a word, a number, a quoted string or a mark. An empty one is the end of the text. */
  #advance(): void {
    this.#skipBlanks();
    const text = this.#text;
    const start = this.#position;
    let end = start;
    if (text[start] === '"') {
      for (end++; end < text.length && text[end] !== '"'; end++) if (text[end] === "\\") end++;
      if (end >= text.length) throw this.#problem("has a string without its end");
      end++;
    } else if (start < text.length && MARKS.includes(text[start] as string)) end++;
    else while (end < text.length && !ENDS_WORD.includes(text[end] as string)) end++;
    this.#token = text.slice(start, end);
    this.#position = end;
  }

  #skipBlanks(): void {
    const text = this.#text;
    for (; this.#position < text.length; this.#position++) {
      if (text[this.#position] === "#") {
        const end = text.indexOf("\n", this.#position);
        this.#position = end < 0 ? text.length - 1 : end;
      } else if (!BLANKS.includes(text[this.#position] as string)) return;
    }
  }

  #take(mark: string): boolean {
    if (this.#token !== mark) return false;
    this.#advance();
    return true;
  }

  #fill(section: ConfigSection, depth: number): void {
    if (depth > DEEPEST) throw this.#problem(`nests deeper than ${DEEPEST} sections`);
    while (this.#token !== "" && this.#token !== "}") {
      const key = this.#token.startsWith('"') ? unquote(this.#token) : this.#token;
      if (isMark(this.#token)) throw this.#problem(`has ${key} where a name should be`);
      this.#advance();
      if (this.#take("{")) {
        const inner = new ConfigSection(`${section.path}${key}/`);
        this.#fill(inner, depth + 1);
        if (!this.#take("}")) throw this.#problem("ends inside a section");
        section.setSection(key, inner);
      } else if (this.#take("=")) section.setValue(key, this.#value());
      else throw this.#problem(`has neither a value nor a section for ${key}`);
    }
  }

  #value(): ConfigValue {
    if (!this.#take("[")) return this.#scalar();
    const values: (number | string)[] = [];
    while (!this.#take("]")) {
      values.push(this.#scalar());
      if (!this.#take(",") && this.#token !== "]") throw this.#problem("has a list without its end");
    }
    return values;
  }

  #scalar(): number | string {
    const token = this.#token;
    if (token === "" || isMark(token)) throw this.#problem("has no value where one should be");
    this.#advance();
    if (token.startsWith('"')) return unquote(token);
    return /^[+-]?\d+(?:\.\d+)?$/.test(token) ? Number(token) : token;
  }
}

function isMark(token: string): boolean {
  return token.length === 1 && MARKS.includes(token);
}

function unquote(token: string): string {
  return token.slice(1, -1).replace(/\\(.)/gs, "$1");
}
