/** Rules as clients send them and as merge files hold them; exclude.c, parse_rule_tok(). */
import { ConfigError } from "../../../errors.ts";
import { FilterRule } from "./filter-rule.ts";

/** What the rules of a merge file take over from the rule that names the file. */
export interface RuleTemplate {
  readonly isInclude?: boolean;
  readonly isAbsolute?: boolean;
  readonly isNegated?: boolean;
  readonly isForXattrs?: boolean;
  /** Every line is a pattern. */
  readonly hasNoPrefixes?: boolean;
  /** Rules are separated by blanks. */
  readonly isSplitAtBlanks?: boolean;
  /** CVS: `!` clears although there are no prefixes. */
  readonly isCvs?: boolean;
  readonly side?: "sender" | "receiver" | "both";
}

export interface MergeRule {
  readonly kind: "merge";
  readonly file: string;
  /** Read again in every directory, instead of once. */
  readonly isPerDirectory: boolean;
  /** `n`: rules are not inherited by directories below. */
  readonly isNotInherited: boolean;
  readonly template: RuleTemplate;
}

export type ParsedRule =
  | { readonly kind: "rule"; readonly rule: FilterRule }
  | MergeRule
  | { readonly kind: "clear" }
  | { readonly kind: "cvs-defaults" };

const LONG_NAMES: Readonly<Record<string, string>> = {
  clear: "!",
  "dir-merge": ":",
  exclude: "-",
  hide: "H",
  include: "+",
  merge: ".",
  protect: "P",
  risk: "R",
  show: "S",
};

interface Modifiers {
  isInclude: boolean;
  isAbsolute: boolean;
  isNegated: boolean;
  isForXattrs: boolean;
  hasNoPrefixes: boolean;
  isSplitAtBlanks: boolean;
  isCvs: boolean;
  isNotInherited: boolean;
  excludesItself: boolean;
  onSender: boolean;
  onReceiver: boolean;
}

/** @throws ConfigError for what is no rule. @returns more than one rule for some lines, none for the other side's. */
export function parseRule(line: string, template: RuleTemplate, hasOldPrefixes = false): ParsedRule[] {
  const modifiers = inherited(template);
  const { kind, rest } = splitRule(line, template, modifiers, hasOldPrefixes);
  if (kind === "!") return [{ kind: "clear" }];
  const side = { sender: modifiers.onSender, receiver: modifiers.onReceiver };
  if (template.side !== undefined && (side.sender || side.receiver)) throw bad(line, "names a side twice");
  const onlyReceiver = (side.receiver && !side.sender) || template.side === "receiver";
  if (kind === ":" || kind === ".") return mergeRules(kind, rest, modifiers, side);
  if (rest === "" && modifiers.isCvs) return [{ kind: "cvs-defaults" }];
  if (rest === "") throw bad(line, "ends before its pattern");
  const isDirectoryOnly = rest.length > 1 && rest.endsWith("/");
  if (onlyReceiver) return [];
  const pattern = isDirectoryOnly ? rest.slice(0, -1) : rest;
  return [{ kind: "rule", rule: new FilterRule({ ...modifiers, pattern, isDirectoryOnly }) }];
}

function inherited(template: RuleTemplate): Modifiers {
  return {
    isInclude: template.isInclude ?? false,
    isAbsolute: template.isAbsolute ?? false,
    isNegated: template.isNegated ?? false,
    isForXattrs: template.isForXattrs ?? false,
    hasNoPrefixes: false,
    isSplitAtBlanks: false,
    isCvs: false,
    isNotInherited: false,
    excludesItself: false,
    onSender: false,
    onReceiver: false,
  };
}

function splitRule(
  line: string,
  template: RuleTemplate,
  modifiers: Modifiers,
  hasOldPrefixes: boolean,
): { readonly kind: string; readonly rest: string } {
  if (template.hasNoPrefixes === true) {
    return { kind: line === "!" && template.isCvs === true ? "!" : "-", rest: line };
  }
  if (hasOldPrefixes) {
    if (line.startsWith("- ") || line.startsWith("+ ")) {
      modifiers.isInclude = line.startsWith("+");
      return { kind: "-", rest: line.slice(2) };
    }
    return { kind: line === "!" ? "!" : "-", rest: line };
  }
  const named = /^([a-z-]+)(?=[ _,]|$)/.exec(line)?.[1];
  const long = named !== undefined && Object.hasOwn(LONG_NAMES, named) ? LONG_NAMES[named] : undefined;
  const kind = long ?? line.charAt(0);
  if (!":.+-SHRP!".includes(kind) || kind === "") throw bad(line, "is unknown");
  let position = long === undefined ? 1 : (named?.length ?? 1);
  if (line[position] === ",") position++;
  if (kind === "!") {
    if (position < line.length) throw bad(line, "has more than its !");
    return { kind, rest: "" };
  }
  modifiers.isInclude = "+SR".includes(kind) || (template.isInclude ?? false);
  if (kind === "-" || kind === "H" || kind === "P") modifiers.isInclude = template.isInclude ?? false;
  modifiers.onSender = "SH".includes(kind);
  modifiers.onReceiver = "RP".includes(kind);
  for (; position < line.length && line[position] !== " " && line[position] !== "_"; position++) {
    modify(modifiers, line.charAt(position), kind, line);
  }
  return { kind, rest: line.slice(position + 1) };
}

function modify(modifiers: Modifiers, letter: string, kind: string, line: string): void {
  const isMerge = kind === ":" || kind === ".";
  if (("-+enw".includes(letter) && !isMerge) || (letter === "!" && isMerge))
    throw bad(line, `has the modifier ${letter}`);
  switch (letter) {
    case "-":
    case "+":
      modifiers.hasNoPrefixes = true;
      modifiers.isInclude = letter === "+";
      return;
    case "/":
      modifiers.isAbsolute = true;
      return;
    case "!":
      modifiers.isNegated = true;
      return;
    case "C":
      modifiers.hasNoPrefixes = true;
      modifiers.isSplitAtBlanks = true;
      modifiers.isNotInherited = true;
      modifiers.isCvs = true;
      return;
    case "e":
      modifiers.excludesItself = true;
      return;
    case "n":
      modifiers.isNotInherited = true;
      return;
    case "p":
      // Matters to deletion on the client's side only.
      return;
    case "r":
      modifiers.onReceiver = true;
      return;
    case "s":
      modifiers.onSender = true;
      return;
    case "w":
      modifiers.isSplitAtBlanks = true;
      return;
    case "x":
      modifiers.isForXattrs = true;
      return;
    default:
      throw bad(line, `has the modifier ${letter}`);
  }
}

function mergeRules(
  kind: ":" | ".",
  rest: string,
  modifiers: Modifiers,
  side: { readonly sender: boolean; readonly receiver: boolean },
): ParsedRule[] {
  const file = rest === "" && modifiers.isCvs ? ".cvsignore" : rest;
  if (file === "") throw bad(kind, "names no file");
  const template: RuleTemplate = {
    isInclude: modifiers.isInclude,
    isAbsolute: modifiers.isAbsolute,
    isForXattrs: modifiers.isForXattrs,
    hasNoPrefixes: modifiers.hasNoPrefixes,
    isSplitAtBlanks: modifiers.isSplitAtBlanks,
    isCvs: modifiers.isCvs,
    ...(side.sender || side.receiver
      ? { side: side.sender && side.receiver ? "both" : side.sender ? "sender" : "receiver" }
      : {}),
  };
  const merge: MergeRule = {
    kind: "merge",
    file,
    isPerDirectory: kind === ":",
    isNotInherited: modifiers.isNotInherited,
    template,
  };
  if (!modifiers.excludesItself) return [merge];
  const pattern = file.slice(file.lastIndexOf("/") + 1);
  const fields = { isInclude: false, isDirectoryOnly: false, isNegated: false, isAbsolute: false, isForXattrs: false };
  return [{ kind: "rule", rule: new FilterRule({ ...fields, pattern }) }, merge];
}

function bad(line: string, problem: string): ConfigError {
  return new ConfigError(`rsync: the filter rule ${JSON.stringify(line.slice(0, 80))} ${problem}`);
}

/** What `-C` leaves out by itself; rsync(1) "--cvs-exclude". */
export const CVS_PATTERNS =
  "RCS SCCS CVS CVS.adm RCSLOG cvslog.* tags TAGS .make.state .nse_depinfo *~ #* .#* ,* _$* *$ *.old *.bak *.BAK *.orig *.rej .del-* *.a *.olb *.o *.obj *.so *.exe *.Z *.elc *.ln core .svn/ .git/ .hg/ .bzr/".split(
    " ",
  );
