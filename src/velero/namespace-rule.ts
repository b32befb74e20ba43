/**
 * Which namespaces a backup covers: exact names, and since Velero 1.18 globs with `*`, `?`, `[abc]` and
 * `{a,b}` in both lists (velero: pkg/util/wildcard). Exclusion wins.
 */

export interface NamespaceFilter {
  readonly includedNamespaces: readonly string[];
  readonly excludedNamespaces: readonly string[];
}

export function coversNamespace(filter: NamespaceFilter, namespace: string): boolean {
  const { includedNamespaces: included, excludedNamespaces: excluded } = filter;
  const everything = included.length === 0 || included.includes("*");
  // Velero does not expand globs next to a plain "*"; an excluded glob then names no namespace at all.
  const expands = !included.includes("*");
  if (excluded.some((pattern) => matches(pattern, namespace, expands))) return false;
  return everything || included.some((pattern) => matches(pattern, namespace, expands));
}

function matches(pattern: string, namespace: string, expands: boolean): boolean {
  if (!expands || !/[*?[{]/.test(pattern)) return pattern === namespace;
  return matchesGlob(alternatives(pattern), namespace);
}

/** More alternatives or characters than any real pattern has; beyond them a pattern matches nothing. */
const MAX_ALTERNATIVES = 1000;
const MAX_PATTERN = 1024;

/** `a{b,c}d` as `abd` and `acd`. Velero refuses nested and unclosed braces, which therefore match nothing. */
function alternatives(pattern: string): string[] {
  if (pattern.length > MAX_PATTERN) return [];
  let expanded = [""];
  for (const part of pattern.split(/(\{[^{}]*\})/)) {
    const choices = part.startsWith("{") && part.endsWith("}") ? part.slice(1, -1).split(",") : [part];
    expanded = expanded.flatMap((prefix) => choices.map((choice) => prefix + choice.trim()));
    if (expanded.length > MAX_ALTERNATIVES) return [];
  }
  return expanded;
}

function matchesGlob(patterns: readonly string[], text: string): boolean {
  return patterns.some((pattern) => {
    const tokens = tokensOf(pattern);
    return tokens !== undefined && matchesTokens(tokens, text);
  });
}

/** `"*"`, or a test of one character. */
type Token = "*" | ((character: string) => boolean);

function tokensOf(pattern: string): Token[] | undefined {
  const tokens: Token[] = [];
  for (const [piece] of pattern.matchAll(/\[[^\]]*\]|./gs)) {
    if (piece === "*") tokens.push("*");
    else if (piece === "?") tokens.push(() => true);
    else if (piece.startsWith("[")) {
      const inClass = characterClass(piece.slice(1, -1));
      if (inClass === undefined) return undefined;
      tokens.push(inClass);
    } else tokens.push((character) => character === piece);
  }
  return tokens;
}

/** `abc`, `a-z`, and `!` in front for the opposite; undefined for an unclosed or empty class. */
function characterClass(body: string): ((character: string) => boolean) | undefined {
  const negated = body.startsWith("!");
  const members = negated ? body.slice(1) : body;
  if (members === "") return undefined;
  const ranges = [...members.matchAll(/(.)-(.)|(.)/gs)].map(([, from, to, single]) => ({
    from: from ?? single ?? "",
    to: to ?? single ?? "",
  }));
  return (character) => ranges.some(({ from, to }) => from <= character && character <= to) !== negated;
}

/** Linear in tokens × characters: only the last `*` is ever tried again. */
function matchesTokens(tokens: readonly Token[], text: string): boolean {
  let token = 0;
  let star = -1;
  let resume = 0;
  for (let index = 0; index < text.length; ) {
    const current = tokens[token];
    if (current === "*") {
      star = token++;
      resume = index;
    } else if (current?.(text.charAt(index))) {
      token++;
      index++;
    } else if (star >= 0) {
      token = star + 1;
      index = ++resume;
    } else return false;
  }
  return tokens.slice(token).every((rest) => rest === "*");
}
