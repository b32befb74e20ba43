/**
 * A command line as the login shell of an ordinary SSH server would split it: POSIX.1-2024, Shell Command
 * Language, sections 2.2 (quoting), 2.6.1 (tilde) and 2.6.6 (pathname expansion). Nothing is ever run, so
 * whatever would run something or needs variables is refused. Text is one UTF-16 unit a byte (`nameKey`).
 */
import { ConfigError } from "../../../errors.ts";

export interface ShellWord {
  /** With quotes removed. */
  readonly text: string;
  /** Present when the word has wildcards: the same with everything that was quoted behind a backslash. */
  readonly pattern?: string;
}

export const LONGEST_COMMAND = 128 * 1024;
/** Linux's PATH_MAX, terminator included. */
const LONGEST_WORD = 4096 - 1;

const BLANK = /[ \t\n]/;
const OPERATOR = /[;|&<>()`$\n]/;
const EXPANDED_IN_DOUBLE_QUOTES = /[`$]/;
const WILDCARD = /[*?[]/;
/** What a backslash keeps from its meaning between double quotes. */
const ESCAPABLE_IN_DOUBLE_QUOTES = /["\\$`]/;

/**
 * @param home what a leading `~` stands for, without a slash at its end.
 * @throws ConfigError for an unfinished quotation and for shell syntax beyond words.
 */
export function splitShellWords(line: string, home: string): ShellWord[] {
  if (line.length > LONGEST_COMMAND) throw new ConfigError(`the command is longer than ${LONGEST_COMMAND} bytes`);
  if (line.includes("\0")) throw new ConfigError("the command holds a NUL byte");
  const words: ShellWord[] = [];
  const scanner = new Scanner(line, home);
  for (let word = scanner.next(); word !== undefined; word = scanner.next()) words.push(word);
  return words;
}

class Scanner {
  readonly #line: string;
  readonly #home: string;
  #position = 0;
  #text = "";
  #pattern = "";
  #hasWildcard = false;

  constructor(line: string, home: string) {
    this.#line = line;
    this.#home = home;
  }

  next(): ShellWord | undefined {
    while (this.#line[this.#position] === " " || this.#line[this.#position] === "\t") this.#position++;
    if (this.#position >= this.#line.length) return undefined;
    this.#text = "";
    this.#pattern = "";
    this.#hasWildcard = false;
    if (this.#line[this.#position] === "#") throw refused("#");
    if (/^~(?:[/ \t]|$)/.test(this.#line.slice(this.#position, this.#position + 2))) {
      this.#position++;
      this.#addQuoted(this.#home);
    }
    for (let character = this.#peek(); character !== undefined; character = this.#peek()) {
      if (character === " " || character === "\t") break;
      this.#scan(character);
    }
    if (this.#text.length > LONGEST_WORD)
      throw new ConfigError(`a word of the command is longer than ${LONGEST_WORD} bytes`);
    return { text: this.#text, ...(this.#hasWildcard ? { pattern: this.#pattern } : {}) };
  }

  #peek(): string | undefined {
    return this.#line[this.#position];
  }

  #scan(character: string): void {
    if (OPERATOR.test(character)) throw refused(character);
    this.#position++;
    if (character === "'") this.#addQuoted(this.#until("'"));
    else if (character === '"') this.#scanDoubleQuotes();
    else if (character === "\\") this.#scanEscape();
    else {
      this.#hasWildcard ||= WILDCARD.test(character);
      this.#text += character;
      this.#pattern += character;
    }
  }

  #scanEscape(): void {
    const escaped = this.#take("\\");
    // A backslash before a line's end continues the line.
    if (escaped !== "\n") this.#addQuoted(escaped);
  }

  #scanDoubleQuotes(): void {
    for (let character = this.#take('"'); character !== '"'; character = this.#take('"')) {
      if (EXPANDED_IN_DOUBLE_QUOTES.test(character)) throw refused(character);
      const following = this.#peek();
      if (character !== "\\" || following === undefined) this.#addQuoted(character);
      else if (ESCAPABLE_IN_DOUBLE_QUOTES.test(following)) this.#addQuoted(this.#take('"'));
      else if (following === "\n") this.#position++;
      else this.#addQuoted(character);
    }
  }

  #take(opening: string): string {
    const character = this.#peek();
    if (character === undefined) throw new ConfigError(`the command ends after an unfinished ${opening}`);
    this.#position++;
    return character;
  }

  #until(quote: string): string {
    const end = this.#line.indexOf(quote, this.#position);
    if (end < 0) throw new ConfigError(`the command ends after an unfinished ${quote}`);
    const quoted = this.#line.slice(this.#position, end);
    this.#position = end + 1;
    return quoted;
  }

  #addQuoted(text: string): void {
    this.#text += text;
    this.#pattern += text.replace(/[*?[\]\\]/g, "\\$&");
  }
}

function refused(syntax: string): ConfigError {
  const shown = BLANK.test(syntax) ? "a line break" : syntax;
  return new ConfigError(`there is no shell here that could interpret ${shown}; quote it if it belongs to a name`);
}
