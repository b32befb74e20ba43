export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
}

/** Plain columns two spaces apart; the last one runs free. Cells are expected to be escaped already. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const lines = [columns.map((column) => column.title), ...rows];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => [...(line[index] ?? "")].length)));
  return lines
    .map((line) =>
      line
        .map((cell, index) => {
          const padding = " ".repeat(Math.max(0, (widths[index] ?? 0) - [...cell].length));
          return columns[index]?.align === "right" ? padding + cell : cell + padding;
        })
        .join("  ")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}
