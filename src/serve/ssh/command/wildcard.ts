/**
 * Wildcard patterns: of the shell (POSIX.1-2024, Shell Command Language, section 2.14) and of rsync's
 * filter rules, which add `**`. Time grows with pattern times text at most, whatever the pattern: clients
 * write patterns, guests write names. Text is one UTF-16 unit a byte (`nameKey`).
 */

type Matcher = (code: number) => boolean;

/** `any` stands for nothing or more of what its matcher accepts, `one` for exactly one. */
interface Token {
  readonly kind: "one" | "any";
  readonly accepts: Matcher;
}

const SLASH = 0x2f;
const notSlash: Matcher = (code) => code !== SLASH;
const everything: Matcher = () => true;

/** `*`, `?` and sets never match a slash, `**` does; a backslash takes the next character as it is. */
export class Wildcard {
  readonly #tokens: readonly Token[];
  /** Characters of the shortest text that can match. */
  readonly #shortest: number;

  constructor(pattern: string) {
    this.#tokens = tokenize(pattern);
    this.#shortest = this.#tokens.filter(({ kind }) => kind === "one").length;
  }

  /** Whether the pattern matches all of the text. */
  matches(text: string): boolean {
    if (text.length < this.#shortest) return false;
    const tokens = this.#tokens;
    let reached = new Uint8Array(tokens.length + 1);
    let next = new Uint8Array(tokens.length + 1);
    reached[0] = 1;
    skipEmpty(tokens, reached);
    for (let index = 0; index < text.length; index++) {
      if (!step(tokens, text.charCodeAt(index), reached, next)) return false;
      skipEmpty(tokens, next);
      [reached, next] = [next, reached];
    }
    return reached[tokens.length] === 1;
  }
}

/** Marks in `next` where reading `code` leads to from what is reached. @returns whether it leads anywhere. */
function step(tokens: readonly Token[], code: number, reached: Uint8Array, next: Uint8Array): boolean {
  next.fill(0);
  let isAlive = false;
  for (let position = 0; position < tokens.length; position++) {
    if (reached[position] === 0) continue;
    const token = tokens[position];
    if (token?.accepts(code) !== true) continue;
    next[token.kind === "any" ? position : position + 1] = 1;
    isAlive = true;
  }
  return isAlive;
}

/** What may stand for nothing is also passed without reading anything. */
function skipEmpty(tokens: readonly Token[], reached: Uint8Array): void {
  for (let position = 0; position < tokens.length; position++) {
    if (reached[position] === 1 && tokens[position]?.kind === "any") reached[position + 1] = 1;
  }
}

function tokenize(pattern: string): Token[] {
  const tokens: Token[] = [];
  for (let position = 0; position < pattern.length; ) {
    const character = pattern.charAt(position);
    if (character === "*") {
      const end = position + (/^\*+/.exec(pattern.slice(position))?.[0].length ?? 1);
      tokens.push({ kind: "any", accepts: end - position > 1 ? everything : notSlash });
      position = end;
    } else if (character === "?") {
      tokens.push({ kind: "one", accepts: notSlash });
      position++;
    } else {
      const set = character === "[" ? parseSet(pattern, position) : undefined;
      if (set !== undefined) {
        tokens.push({ kind: "one", accepts: set.accepts });
        position = set.end;
      } else {
        const escaped = character === "\\" && position + 1 < pattern.length;
        const code = pattern.charCodeAt(escaped ? position + 1 : position);
        tokens.push({ kind: "one", accepts: (other) => other === code });
        position += escaped ? 2 : 1;
      }
    }
  }
  return tokens;
}

const CLASSES: ReadonlyMap<string, RegExp> = new Map([
  ["alnum", /[0-9A-Za-z]/],
  ["alpha", /[A-Za-z]/],
  ["blank", /[ \t]/],
  // biome-ignore lint/suspicious/noControlCharactersInRegex: this class is the control characters
  ["cntrl", /[\u0000-\u001f\u007f]/],
  ["digit", /[0-9]/],
  ["graph", /[!-~]/],
  ["lower", /[a-z]/],
  ["print", /[ -~]/],
  ["punct", /[!-/:-@[-`{-~]/],
  ["space", /[ \t\n\v\f\r]/],
  ["upper", /[A-Z]/],
  ["xdigit", /[0-9A-Fa-f]/],
]);

/** The set that begins at `start`, or undefined when it never ends and the bracket is an ordinary one. */
function parseSet(pattern: string, start: number): { readonly accepts: Matcher; readonly end: number } | undefined {
  let position = start + 1;
  const isNegated = pattern[position] === "!" || pattern[position] === "^";
  if (isNegated) position++;
  const members = new Uint8Array(256);
  for (let isFirst = true; ; isFirst = false) {
    const character = pattern[position];
    if (character === undefined) return undefined;
    if (character === "]" && !isFirst) break;
    const named = /^\[:([a-z]+):\]/.exec(pattern.slice(position, position + 12));
    const set = named?.[1] === undefined ? undefined : CLASSES.get(named[1]);
    if (named !== null && set !== undefined) {
      for (let code = 0; code < 256; code++) if (set.test(String.fromCharCode(code))) members[code] = 1;
      position += named[0].length;
      continue;
    }
    const from = memberAt(pattern, position);
    const isRange = pattern[from.end] === "-" && pattern[from.end + 1] !== "]" && from.end + 1 < pattern.length;
    const to = isRange ? memberAt(pattern, from.end + 1) : from;
    for (let code = from.code; code <= to.code; code++) members[code] = 1;
    position = to.end;
  }
  return { accepts: (code) => code !== SLASH && (members[code] === 1) !== isNegated, end: position + 1 };
}

function memberAt(pattern: string, position: number): { readonly code: number; readonly end: number } {
  const isEscape = pattern[position] === "\\" && position + 1 < pattern.length;
  return { code: pattern.charCodeAt(isEscape ? position + 1 : position), end: position + (isEscape ? 2 : 1) };
}
