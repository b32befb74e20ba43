import { expect, test } from "vitest";
import { ConfigError } from "../../../errors.ts";
import { splitShellWords } from "./shell-words.ts";

const texts = (line: string) => splitShellWords(line, "/home").map(({ text }) => text);

test("quotes and backslashes group as in POSIX shells", () => {
  expect(texts(`a  'b c' "d e"f\tg\\ h '' "\\$x\\n\\""`)).toEqual(["a", "b c", "d ef", "g h", "", '$x\\n"']);
  expect(texts("trailing\\ ")).toEqual(["trailing "]);
  expect(texts("one\\\ntwo")).toEqual(["onetwo"]);
});

test("a tilde is the home directory only where a shell takes it for one", () => {
  expect(texts(`~ ~/x '~'/x a~ ~user`)).toEqual(["/home", "/home/x", "~/x", "a~", "~user"]);
});

test("only unquoted wildcards make a pattern, and quoted ones are escaped in it", () => {
  expect(splitShellWords(`*.txt 'a*'b? "[x]" \\*`, "/")).toEqual([
    { text: "*.txt", pattern: "*.txt" },
    { text: "a*b?", pattern: "a\\*b?" },
    { text: "[x]" },
    { text: "*" },
  ]);
});

test.each(["a; b", "a | b", "a && b", "a > b", "$(id)", "`id`", "$HOME", '"$HOME"', '"`id`"', "# note", "a\nb", "(a)"])(
  "%j needs a shell and is refused",
  (line) => {
    expect(() => texts(line)).toThrow(ConfigError);
  },
);

test.each(["'open", '"open', "open\\", "nul\0byte", "x".repeat(200_000)])(
  "an unfinished or impossible line is refused",
  (line) => {
    expect(() => texts(line)).toThrow(ConfigError);
  },
);

test("a word longer than any path is refused", () => {
  expect(texts(`scp ${"x".repeat(4095)}`)).toHaveLength(2);
  expect(() => texts(`scp ${"x".repeat(4096)}`)).toThrow("longer than 4095 bytes");
});
