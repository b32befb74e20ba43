import { expect, test } from "vitest";
import { modeText } from "./mode-text.ts";

test("type, permissions and special bits as ls writes them", () => {
  expect(modeText("file", 0o4755)).toBe("-rwsr-xr-x");
  expect(modeText("directory", 0o1776)).toBe("drwxrwxrwT");
});
