import { Button, Title } from "@patternfly/react-core";
import DownloadIcon from "@patternfly/react-icons/dist/esm/icons/download-icon";
import TimesIcon from "@patternfly/react-icons/dist/esm/icons/times-icon";
import { useQuery } from "@tanstack/react-query";
import type { Entry, EntryDetails } from "../../../src/serve/http/api-types.ts";
import { api, fileAddress } from "../api/client.ts";
import { formatBytes, formatMode } from "../format/text.ts";
import { ImagePreview, isImageName } from "./image-preview.tsx";
import { TextPreview } from "./text-preview.tsx";

export interface PreviewPanelProps {
  readonly entry: Entry;
  /** Percent-encoded tree path of the entry. */
  readonly path: string;
  readonly onClose: () => void;
}

/** The chosen file: what it is, what is in it, and the button to take it home. */
export function PreviewPanel({ entry, path, onClose }: PreviewPanelProps) {
  const isFile = entry.error === undefined && (entry.type === "file" || entry.targetType === "file");
  return (
    <section className="vmfr-preview" aria-label={`Preview of ${entry.name}`}>
      <div className="vmfr-preview-head">
        <Title headingLevel="h2" size="lg">
          <bdi>{entry.name}</bdi>
        </Title>
        {isFile && (
          <Button component="a" href={fileAddress(path)} download variant="primary" icon={<DownloadIcon />}>
            Download
          </Button>
        )}
        <Button variant="plain" aria-label="Close the preview" icon={<TimesIcon />} onClick={onClose} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
      <section className="vmfr-preview-body" aria-label="Facts and content" tabIndex={0}>
        {entry.error === undefined ? <Facts path={path} /> : <p className="vmfr-reason">{entry.error}</p>}
        {isFile && <Content entry={entry} path={path} />}
      </section>
    </section>
  );
}

function Content({ entry, path }: Pick<PreviewPanelProps, "entry" | "path">) {
  if (entry.error !== undefined) return null;
  if (isImageName(entry.name)) return <ImagePreview path={path} name={entry.name} />;
  // A symlink's own size is the length of its target's name; how long the file is shows in the answer.
  return <TextPreview path={path} size={entry.type === "symlink" ? Number.POSITIVE_INFINITY : entry.size} />;
}

function Facts({ path }: { readonly path: string }) {
  const { data, error } = useQuery({ queryKey: ["stat", path], queryFn: () => api.stat(path) });
  if (error !== null) return <p className="vmfr-reason">{error.message}</p>;
  if (data === undefined) return null;
  return (
    <dl className="vmfr-facts">
      {factsOf(data).map(([term, value]) => (
        <div key={term} style={{ display: "contents" }}>
          <dt>{term}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** `2026-09-01T06:10:00.120000000Z` as `2026-09-01 06:10:00.12 UTC`. */
function formatExact(time: string): string {
  return time
    .replace("T", " ")
    .replace(/(\.\d*?)0*Z$/, "$1")
    .replace(/\.$/, "")
    .concat(" UTC");
}

function factsOf(details: EntryDetails): (readonly [string, string])[] {
  if (details.error !== undefined) return [["Problem", details.error]];
  const { size, allocated, mtime, mode, type, uid, gid, links, target, flags, xattrs } = details;
  return [
    ["Path", details.path.text],
    ["Size", size < 1024 ? `${size} bytes` : `${formatBytes(size)} (${size.toLocaleString()} bytes)`],
    ...(type === "file" && allocated < size
      ? [["On disk", `${formatBytes(allocated)}: it has holes or is compressed`] as const]
      : []),
    ["Modified", formatExact(mtime)],
    ["Mode", `${formatMode(type, mode)} (${mode.toString(8).padStart(4, "0")})`],
    ["Owner", `${uid}:${gid}`],
    ...(links > 1 && type === "file" ? [["Hard links", String(links)] as const] : []),
    ...(target === undefined ? [] : [["Leads to", target] as const]),
    ...(flags === undefined || flags.length === 0 ? [] : [["Flags", flags.join(", ")] as const]),
    ...(xattrs.length === 0 ? [] : [["Attributes", xattrs.map(({ name }) => name).join(", ")] as const]),
  ];
}
