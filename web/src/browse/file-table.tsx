import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useRef } from "react";
import type { Entry } from "../../../src/serve/http/api-types.ts";
import { formatBytes, formatMode, formatTime } from "../format/text.ts";
import { EntryIcon } from "./entry-icon.tsx";
import type { SortKey, SortOrder } from "./sort.ts";

const ROW_HEIGHT = 36;

const COLUMNS: readonly { readonly key: SortKey; readonly title: string; readonly isNumber?: true }[] = [
  { key: "name", title: "Name" },
  { key: "size", title: "Size", isNumber: true },
  { key: "modified", title: "Modified" },
  { key: "mode", title: "Mode" },
  { key: "owner", title: "Owner" },
];

export interface FileTableProps {
  readonly entries: readonly Entry[];
  readonly order: SortOrder;
  readonly onSort: (key: SortKey) => void;
  /** Index of the row the keyboard is on; -1 for none. */
  readonly active: number;
  readonly onActivate: (index: number) => void;
  readonly onOpen: (entry: Entry) => void;
  readonly onUp: () => void;
}

/** A grid of which only the visible rows exist; the keyboard reaches all of them. */
export function FileTable({ entries, order, onSort, active, onActivate, onOpen, onUp }: FileTableProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: entries.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 12,
    scrollPaddingStart: ROW_HEIGHT,
  });

  const moveTo = (index: number): void => {
    if (entries.length === 0) return;
    const target = Math.min(Math.max(index, 0), entries.length - 1);
    onActivate(target);
    rows.scrollToIndex(target);
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? ROW_HEIGHT) / ROW_HEIGHT) - 2);
    const moves: Record<string, number> = {
      ArrowDown: active + 1,
      ArrowUp: active - 1,
      PageDown: active + page,
      PageUp: active - page,
      Home: 0,
      End: entries.length - 1,
    };
    const target = moves[event.key];
    const entry = entries[active];
    if (target !== undefined) moveTo(target);
    else if (event.key === "Enter" && entry !== undefined && event.target === event.currentTarget) onOpen(entry);
    else if (event.key === "Backspace") onUp();
    else return;
    event.preventDefault();
  };

  return (
    // biome-ignore lint/a11y/useSemanticElements: a table element cannot be virtualised and keep its columns
    <div
      ref={scroller}
      className="vmfr-table"
      role="grid"
      aria-label="Files"
      aria-rowcount={entries.length + 1}
      aria-activedescendant={active >= 0 ? `row-${active}` : undefined}
      tabIndex={0}
      onKeyDown={onKeyDown}
    >
      <Header order={order} onSort={onSort} />
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      <div className="vmfr-table-body" role="rowgroup" style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map(({ index, start }) => {
          const entry = entries[index];
          if (entry === undefined) return null;
          return (
            // biome-ignore lint/a11y/useSemanticElements: as above
            // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus and names its active row
            // biome-ignore lint/a11y/useKeyWithClickEvents: the grid handles the keys
            <div
              key={entry.href}
              id={`row-${index}`}
              role="row"
              aria-rowindex={index + 2}
              aria-selected={index === active}
              className={`vmfr-row is-entry${index === active ? " is-active" : ""}`}
              style={{ transform: `translateY(${start}px)` }}
              onClick={() => {
                onActivate(index);
                onOpen(entry);
              }}
            >
              <Cells entry={entry} />
            </div>
          );
        })}
      </div>
    </div>
  );
}

function Header({ order, onSort }: Pick<FileTableProps, "order" | "onSort">) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: part of the virtualised grid
    // biome-ignore lint/a11y/useFocusableInteractive: its buttons are focusable
    <div className="vmfr-row is-head" role="row" aria-rowindex={1}>
      {COLUMNS.map(({ key, title, isNumber }) => {
        const direction = order.descending ? "descending" : "ascending";
        const isSorted = order.key === key;
        return (
          // biome-ignore lint/a11y/useSemanticElements: part of the virtualised grid
          // biome-ignore lint/a11y/useFocusableInteractive: its button is focusable
          <div
            key={key}
            role="columnheader"
            aria-sort={isSorted ? direction : "none"}
            className={isNumber ? "vmfr-number" : undefined}
          >
            <button type="button" className="vmfr-sort" onClick={() => onSort(key)}>
              {title} {isSorted && <span aria-hidden>{order.descending ? "↓" : "↑"}</span>}
            </button>
          </div>
        );
      })}
    </div>
  );
}

function Cells({ entry }: { readonly entry: Entry }) {
  const name = (
    // biome-ignore lint/a11y/useSemanticElements: part of the virtualised grid
    // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus and names its active row
    <div role="gridcell" title={entry.name}>
      <EntryIcon entry={entry} /> <bdi>{entry.name}</bdi>
      {entry.error === undefined && entry.target !== undefined && (
        <span className="vmfr-subtle">
          {" → "}
          <bdi>{entry.target}</bdi>
          {entry.targetType === "broken" && " (leads nowhere)"}
        </span>
      )}
      {entry.error !== undefined && <span className="vmfr-reason"> {entry.error}</span>}
    </div>
  );
  if (entry.error !== undefined) return name;
  const facts: readonly { readonly text: string; readonly className?: string; readonly title?: string }[] = [
    {
      text: entry.type === "file" ? formatBytes(entry.size) : "",
      className: "vmfr-number",
      title: `${entry.size} bytes`,
    },
    { text: formatTime(entry.mtimeMs), title: entry.mtime },
    { text: formatMode(entry.type, entry.mode), className: "vmfr-mono" },
    { text: `${entry.uid}:${entry.gid}` },
  ];
  return (
    <>
      {name}
      {facts.map(({ text, className, title }, index) => (
        // biome-ignore lint/a11y/useSemanticElements: part of the virtualised grid
        // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus and names its active row
        <div key={COLUMNS[index + 1]?.key} role="gridcell" className={className} title={title}>
          {text}
        </div>
      ))}
    </>
  );
}
