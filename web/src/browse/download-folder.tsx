import { Dropdown, DropdownItem, DropdownList, MenuToggle } from "@patternfly/react-core";
import DownloadIcon from "@patternfly/react-icons/dist/esm/icons/download-icon";
import { useState } from "react";
import type { ArchiveFormat } from "../../../src/serve/http/api-types.ts";
import { archiveAddress } from "../api/client.ts";

const FORMATS: readonly { readonly format: ArchiveFormat; readonly description: string }[] = [
  { format: "zip", description: "For every system; links, modes and times kept" },
  { format: "tar.gz", description: "Everything kept: owners, ACLs, extended attributes, names byte by byte" },
  { format: "tar", description: "The same, uncompressed: fastest, holes stay holes" },
];

/** The directory with all that is in it, streamed as one archive. */
export function DownloadFolder({ path }: { readonly path: string }) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <Dropdown
      isOpen={isOpen}
      onOpenChange={setIsOpen}
      onSelect={() => setIsOpen(false)}
      popperProps={{ position: "end" }}
      toggle={(toggle) => (
        <MenuToggle ref={toggle} icon={<DownloadIcon />} isExpanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
          Download folder
        </MenuToggle>
      )}
    >
      <DropdownList>
        {FORMATS.map(({ format, description }) => (
          <DropdownItem key={format} to={archiveAddress(path, format)} download="" description={description}>
            {format}
          </DropdownItem>
        ))}
      </DropdownList>
    </Dropdown>
  );
}
