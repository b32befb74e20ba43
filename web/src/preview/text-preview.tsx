import { Button, Spinner, Switch } from "@patternfly/react-core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../api/client.ts";
import { Failure } from "../failure.tsx";
import { formatBytes } from "../format/text.ts";
import { decodeText, hexDump } from "./text.ts";

const FIRST_SAMPLE = 256 * 1024;
const HEX_SAMPLE = 4096;

/** The beginning of a file as text, or as bytes where it is none; more on demand. */
export function TextPreview({ path, size }: { readonly path: string; readonly size: number }) {
  const [length, setLength] = useState(FIRST_SAMPLE);
  const [isWrapped, setIsWrapped] = useState(true);
  const sample = useQuery({
    queryKey: ["head", path, length],
    queryFn: ({ signal }) => (size === 0 ? new Uint8Array() : api.head(path, length, signal)),
    placeholderData: keepPreviousData,
    // Samples are large and cheap to fetch again.
    gcTime: 30_000,
  });
  if (sample.error !== null) return <Failure title="The content cannot be read" error={sample.error} />;
  if (sample.data === undefined) return <Spinner aria-label="Loading the preview" />;
  if (size === 0) return <p>The file is empty.</p>;

  const decoded = decodeText(sample.data);
  const isText = decoded.kind === "text";
  const visible = isText ? sample.data.length : Math.min(HEX_SAMPLE, sample.data.length);
  return (
    <>
      <p className="vmfr-subtle">
        {isText ? decoded.encoding : "Not text: shown as bytes"}
        {visible < size && `, the first ${formatBytes(visible)} of ${formatBytes(size)}`}{" "}
        {isText && visible < size && (
          <Button variant="link" isInline onClick={() => setLength(length * 4)} isLoading={sample.isFetching}>
            show more
          </Button>
        )}
      </p>
      {isText && (
        <Switch
          label="Wrap lines"
          isChecked={isWrapped}
          onChange={(_event, checked) => setIsWrapped(checked)}
          isReversed
        />
      )}
      <pre className={isText && isWrapped ? "is-wrapped" : ""}>
        {isText ? decoded.text : hexDump(sample.data.subarray(0, HEX_SAMPLE))}
      </pre>
    </>
  );
}
