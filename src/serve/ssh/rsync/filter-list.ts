/** The rules in force in a directory: the client's, and those of merge files on the way down; exclude.c. */
import { LimitError } from "../../../errors.ts";
import { CVS_PATTERNS, type MergeRule, type ParsedRule, parseRule, type RuleTemplate } from "./filter-parser.ts";
import type { FilterRule, FilterSubject } from "./filter-rule.ts";

type FilterItem =
  | { readonly kind: "rule"; readonly rule: FilterRule }
  | { readonly kind: "merge"; readonly merge: MergeRule; readonly rules: FilterList };

/** A merge file's content (one UTF-16 unit a byte), or undefined when there is none. */
export type MergeFileReader = (name: string) => Promise<string | undefined>;

/** Merge files that name merge files, and rules of one list. */
const MAX_DEPTH = 16;
const MAX_RULES = 100_000;

/** Never changes; entering a directory makes another one. */
export class FilterList {
  static readonly EMPTY = new FilterList([]);
  readonly #items: readonly FilterItem[];

  private constructor(items: readonly FilterItem[]) {
    if (items.length > MAX_RULES) throw new LimitError("rules", MAX_RULES, "filter rules");
    this.#items = items;
  }

  /** Rules in the order the client sent them. @throws ConfigError for what is no rule. */
  static parse(lines: readonly string[], hasOldPrefixes: boolean, cvsExclude: boolean): FilterList {
    const parsed = lines.flatMap((line) => parseRule(line, {}, hasOldPrefixes));
    if (cvsExclude) parsed.push(...parseRule(":C", {}), ...parseRule("-C", {}));
    return new FilterList(collect(parsed, []));
  }

  get isEmpty(): boolean {
    return this.#items.length === 0;
  }

  get hasXattrRules(): boolean {
    return this.#items.some((item) => (item.kind === "rule" ? item.rule.isForXattrs : item.rules.hasXattrRules));
  }

  /** The first rule that matches decides. */
  excludes(subject: FilterSubject): boolean {
    return this.#judge(subject) === "exclude";
  }

  #judge(subject: FilterSubject): "include" | "exclude" | undefined {
    for (const item of this.#items) {
      if (item.kind === "merge") {
        const judgement = item.rules.#judge(subject);
        if (judgement !== undefined) return judgement;
      } else if (item.rule.matches(subject)) return item.rule.isInclude ? "include" : "exclude";
    }
    return undefined;
  }

  /**
   * The rules inside a directory.
   * @param directory its absolute path without slashes around, where rules of its merge files are anchored.
   */
  async enter(directory: string, read: MergeFileReader): Promise<FilterList> {
    if (!this.#items.some(({ kind }) => kind === "merge")) return this;
    return this.#enter(directory, read, 0);
  }

  async #enter(directory: string, read: MergeFileReader, depth: number): Promise<FilterList> {
    const items: FilterItem[] = [];
    for (const item of this.#items) {
      if (item.kind === "rule") items.push(item);
      else {
        const above = item.merge.isNotInherited ? [] : item.rules.#items;
        const own = await mergedRules(item.merge, directory, read, depth);
        const rules = new FilterList(
          collect(
            own.map((rule) => anchored(rule, directory)),
            above,
          ),
        );
        items.push({ ...item, rules: depth < MAX_DEPTH ? await rules.#enter(directory, read, depth + 1) : rules });
      }
    }
    return new FilterList(items);
  }
}

function anchored(rule: ParsedRule, directory: string): ParsedRule {
  return rule.kind === "rule" ? { kind: "rule", rule: rule.rule.anchoredAt(directory) } : rule;
}

/** Own rules come before inherited ones; `!` forgets both. */
function collect(parsed: readonly ParsedRule[], inherited: readonly FilterItem[]): FilterItem[] {
  let own: FilterItem[] = [];
  let above = inherited;
  for (const rule of parsed) {
    if (rule.kind === "clear") {
      own = [];
      above = [];
    } else if (rule.kind === "cvs-defaults") {
      own.push(...CVS_PATTERNS.flatMap((pattern) => collect(parseRule(pattern, { hasNoPrefixes: true }), [])));
    } else if (rule.kind === "rule") own.push(rule);
    else if (rule.isPerDirectory) own.push({ kind: "merge", merge: rule, rules: FilterList.EMPTY });
  }
  return [...own, ...above];
}

async function mergedRules(
  merge: MergeRule,
  directory: string,
  read: MergeFileReader,
  depth: number,
): Promise<ParsedRule[]> {
  const text = await read(merge.file);
  if (text === undefined) return [];
  const rules: ParsedRule[] = [];
  for (const line of linesOf(text, merge.template)) {
    for (const rule of parseRule(line, merge.template)) {
      if (rule.kind === "merge" && !rule.isPerDirectory) {
        if (depth < MAX_DEPTH) rules.push(...(await mergedRules(rule, directory, read, depth + 1)));
      } else rules.push(rule);
    }
    if (rules.length > MAX_RULES) throw new LimitError("rules", MAX_RULES, "filter rules of a merge file");
  }
  return rules;
}

function linesOf(text: string, template: RuleTemplate): string[] {
  if (template.isSplitAtBlanks === true) return text.split(/[ \t\n\r\v\f]+/).filter((word) => word !== "");
  return text.split(/[\r\n]+/).filter((line) => line !== "" && !line.startsWith("#") && !line.startsWith(";"));
}
