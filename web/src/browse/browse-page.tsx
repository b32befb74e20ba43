import {
  Button,
  EmptyState,
  PageSection,
  SearchInput,
  Toolbar,
  ToolbarContent,
  ToolbarItem,
} from "@patternfly/react-core";
import { useMemo, useRef, useState } from "react";
import type { Entry } from "../../../src/serve/http/api-types.ts";
import { Failure } from "../failure.tsx";
import { decodeSegment } from "../format/text.ts";
import { browseAddress, navigate } from "../location.ts";
import { PreviewPanel } from "../preview/preview-panel.tsx";
import { BackupSwitch } from "./backup-switch.tsx";
import { Breadcrumbs } from "./breadcrumbs.tsx";
import { DownloadFolder } from "./download-folder.tsx";
import { FileTable } from "./file-table.tsx";
import { isDirectory, type SortKey, type SortOrder, sortEntries } from "./sort.ts";
import { type LoadedListing, useListing } from "./use-listing.ts";

/** One directory of the tree and, beside it, the file that was chosen. `path` is percent-encoded. */
export function BrowsePage({ path }: { readonly path: string }) {
  const listing = useListing(path);
  const [order, setOrder] = useState<SortOrder>({ key: "name", descending: false });
  const [filter, setFilter] = useState("");
  const [active, setActive] = useState(-1);
  const [chosen, setChosen] = useState<Entry>();
  const page = useRef<HTMLDivElement>(null);

  const shown = useMemo(() => {
    const wanted = filter.toLocaleLowerCase();
    const matching = listing.entries.filter(({ name }) => name.toLocaleLowerCase().includes(wanted));
    return sortEntries(matching, order);
  }, [listing.entries, filter, order]);

  const open = (entry: Entry): void => {
    if (isDirectory(entry)) navigate(browseAddress(childPath(path, entry)));
    else setChosen(entry);
  };
  const sortBy = (key: SortKey): void =>
    setOrder((previous) => ({ key, descending: previous.key === key && !previous.descending }));
  const goUp = (): void => navigate(path === "/" ? "/" : browseAddress(parentPath(path)));

  return (
    <div ref={page} className="vmfr-page">
      <PageSection hasBodyWrapper={false}>
        <h1 className="pf-v6-screen-reader">Files in {decodeSegment(path)}</h1>
        <Breadcrumbs path={path} />
        <Toolbar>
          <ToolbarContent>
            <ToolbarItem>
              <SearchInput
                aria-label="Filter by name"
                placeholder="Filter by name"
                value={filter}
                onChange={(_event, value) => setFilter(value)}
                onClear={() => setFilter("")}
              />
            </ToolbarItem>
            <ToolbarItem>
              <BackupSwitch path={path} />
            </ToolbarItem>
            <ToolbarItem alignSelf="center">
              <Count listing={listing} shown={shown.length} />
            </ToolbarItem>
            <ToolbarItem align={{ default: "alignEnd" }}>
              <DownloadFolder path={path} />
            </ToolbarItem>
          </ToolbarContent>
        </Toolbar>
      </PageSection>
      {listing.error !== null && <Failure title="This directory cannot be read" error={listing.error} />}
      {listing.error === null && !listing.isLoading && listing.entries.length === 0 && (
        <EmptyState titleText="This directory is empty" headingLevel="h2" />
      )}
      <div className={`vmfr-browse${chosen === undefined ? "" : " has-preview"}`}>
        <FileTable
          entries={shown}
          order={order}
          onSort={sortBy}
          active={active}
          onActivate={setActive}
          onOpen={open}
          onUp={goUp}
        />
        {chosen !== undefined && (
          <PreviewPanel
            key={chosen.href}
            entry={chosen}
            path={childPath(path, chosen)}
            onClose={() => setChosen(undefined)}
          />
        )}
      </div>
    </div>
  );
}

function Count({ listing, shown }: { readonly listing: LoadedListing; readonly shown: number }) {
  const total = listing.entries.length;
  return (
    <span className="vmfr-subtle" aria-live="polite">
      {shown === total ? total.toLocaleString() : `${shown.toLocaleString()} of ${total.toLocaleString()}`}
      {total === 1 ? " entry" : " entries"}
      {listing.isLoading && ", reading on …"}
      {listing.loadMore !== undefined && (
        <Button variant="link" isInline onClick={listing.loadMore}>
          there are more: read on
        </Button>
      )}
    </span>
  );
}

function childPath(directory: string, entry: Entry): string {
  return `${directory === "/" ? "" : directory}/${entry.href}`;
}

function parentPath(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("/"), 1));
}
