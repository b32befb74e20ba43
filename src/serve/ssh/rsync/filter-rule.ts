/** One include or exclude rule and the names it matches; rsync(1) "FILTER RULES", exclude.c. Text is one UTF-16 unit a byte. */
import { Wildcard } from "../command/wildcard.ts";

export interface FilterRuleFields {
  readonly pattern: string;
  readonly isInclude: boolean;
  readonly isDirectoryOnly: boolean;
  /** `!` modifier: matches what the pattern does not. */
  readonly isNegated: boolean;
  /** `/` modifier: matched against the absolute path. */
  readonly isAbsolute: boolean;
  /** `x` modifier: for names of extended attributes only. */
  readonly isForXattrs: boolean;
}

/** What a rule is asked about. */
export interface FilterSubject {
  /** Path in the transfer, or the name of an extended attribute. */
  readonly name: string;
  readonly isDirectory: boolean;
  readonly isXattr: boolean;
  /** Absolute path of the directory the transfer's paths start from, without slashes around. */
  readonly base: string;
}

export class FilterRule {
  readonly isInclude: boolean;
  readonly #fields: FilterRuleFields;
  readonly #pattern: string;
  readonly #slashes: number;
  readonly #wildcard: Wildcard | undefined;
  readonly #isAnchored: boolean;

  constructor(fields: FilterRuleFields) {
    const { pattern } = fields;
    this.isInclude = fields.isInclude;
    this.#fields = fields;
    this.#isAnchored = pattern.startsWith("/");
    this.#slashes = pattern.split("/").length - 1;
    this.#pattern = this.#isAnchored ? pattern.slice(1) : pattern;
    this.#wildcard = /[*?[]/.test(pattern) ? new Wildcard(this.#pattern) : undefined;
  }

  get isForXattrs(): boolean {
    return this.#fields.isForXattrs;
  }

  /** A merge file's `/pattern` counts from the file's own directory: absolute path without slashes around. */
  anchoredAt(directory: string): FilterRule {
    const { pattern, isAbsolute } = this.#fields;
    if (!this.#isAnchored || isAbsolute) return this;
    const literal = this.#wildcard === undefined ? directory : directory.replace(/[*?[\\]/g, "\\$&");
    return new FilterRule({ ...this.#fields, pattern: `/${literal}${pattern}`, isAbsolute: true });
  }

  /** Whether the rule has something to say about the subject. */
  matches(subject: FilterSubject): boolean {
    const { isDirectoryOnly, isForXattrs, isNegated } = this.#fields;
    if (subject.isXattr !== isForXattrs || subject.name.replace("/", "") === "") return false;
    if (isDirectoryOnly && !subject.isDirectory) return isNegated;
    return this.#matchesText(this.#textOf(subject)) !== isNegated;
  }

  get #hasDoubleStar(): boolean {
    return this.#wildcard !== undefined && this.#fields.pattern.includes("**");
  }

  #textOf({ name: path, isDirectory, base }: FilterSubject): string {
    const { pattern, isAbsolute } = this.#fields;
    const name = path.startsWith("/") ? path.slice(1) : path;
    let text = name;
    if (this.#slashes === 0 && !this.#hasDoubleStar) text = name.slice(name.lastIndexOf("/") + 1);
    else if (isAbsolute && !path.startsWith("/") && base !== "") text = `${base}/${name}`;
    else if (pattern.startsWith("**") && !path.startsWith("/")) text = `/${name}`;
    // "dir/***" matches the directory itself too.
    return isDirectory && pattern.endsWith("***") ? `${text}/` : text;
  }

  #matchesText(text: string): boolean {
    if (this.#isAnchored) return this.#matchesWhole(text);
    if (this.#hasDoubleStar) {
      if (this.#fields.pattern.startsWith("**")) return this.#matchesWhole(text);
      for (let start = 0; start >= 0; start = text.indexOf("/", start) + 1 || -1) {
        if (this.#matchesWhole(text.slice(start))) return true;
      }
      return false;
    }
    const elements = text.split("/");
    if (elements.length <= this.#slashes) return false;
    return this.#matchesWhole(elements.slice(-this.#slashes - 1).join("/"));
  }

  #matchesWhole(text: string): boolean {
    return this.#wildcard === undefined ? text === this.#pattern : this.#wildcard.matches(text);
  }
}
