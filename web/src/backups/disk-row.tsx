import { Label, LabelGroup } from "@patternfly/react-core";
import ExclamationTriangleIcon from "@patternfly/react-icons/dist/esm/icons/exclamation-triangle-icon";
import HddIcon from "@patternfly/react-icons/dist/esm/icons/hdd-icon";
import type { DiskInventory, FileSystemInventory } from "../../../src/serve/http/api-types.ts";
import { formatBytes } from "../format/text.ts";
import { browseAddress, followInApp } from "../location.ts";

/** A disk: where to click, what is on it once somebody has looked, and why not when it cannot be read. */
export function DiskRow({ disk }: { readonly disk: DiskInventory }) {
  const size = disk.size === undefined ? undefined : formatBytes(disk.size);
  const facts = [disk.operatingSystem?.name, size, disk.format, disk.partitionTable];
  return (
    <li>
      <HddIcon aria-hidden />{" "}
      {disk.state === "unavailable" ? (
        <span>{disk.name}</span>
      ) : (
        <a href={browseAddress(encodeURI(disk.path))} onClick={followInApp}>
          {disk.name}
        </a>
      )}{" "}
      <span className="vmfr-subtle">{facts.filter((fact) => fact !== undefined).join(" · ")}</span>
      {disk.fileSystems.length > 0 && (
        <LabelGroup className="vmfr-file-systems">
          {disk.fileSystems.map((fileSystem) => (
            <FileSystemLabel key={fileSystem.path} fileSystem={fileSystem} />
          ))}
        </LabelGroup>
      )}
      {disk.reasons.map((reason) => (
        <p key={reason} className="vmfr-reason">
          <ExclamationTriangleIcon aria-hidden /> {reason}
        </p>
      ))}
    </li>
  );
}

function FileSystemLabel({ fileSystem }: { readonly fileSystem: FileSystemInventory }) {
  const { state, detail } = fileSystem.consistency;
  return (
    <Label isCompact color={state === "raw" ? "orange" : "grey"} title={[detail, ...fileSystem.warnings].join("; ")}>
      {fileSystem.label ?? fileSystem.volume} · {fileSystem.type}
      {state === "clean" ? "" : ` · ${state}`}
    </Label>
  );
}
