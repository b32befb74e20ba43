import { MenuToggle, Select, SelectList, SelectOption } from "@patternfly/react-core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../api/client.ts";
import { decodeSegment, formatTime } from "../format/text.ts";
import { browseAddress, navigate } from "../location.ts";

/** The same place in another backup: `/backups/<this>/disk/…` becomes `/backups/<other>/disk/…`. */
export function BackupSwitch({ path }: { readonly path: string }) {
  const [isOpen, setIsOpen] = useState(false);
  const inventory = useQuery({ queryKey: ["inventory"], queryFn: api.inventory });
  const [top, current, ...rest] = path.split("/").filter((segment) => segment !== "");
  const backups = inventory.data?.backups ?? [];
  if (top !== "backups" || current === undefined || backups.length < 2) return null;
  return (
    <Select
      isOpen={isOpen}
      onOpenChange={setIsOpen}
      selected={decodeSegment(current)}
      onSelect={(_event, backup) => {
        setIsOpen(false);
        navigate(browseAddress(`/${[top, encodeURIComponent(String(backup)), ...rest].join("/")}`));
      }}
      toggle={(toggle) => (
        <MenuToggle ref={toggle} isExpanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
          {decodeSegment(current)}
        </MenuToggle>
      )}
    >
      <SelectList aria-label="The same place in another backup">
        {backups.map(({ name, completedAt }) => (
          <SelectOption
            key={name}
            value={name}
            description={completedAt === undefined ? undefined : formatTime(Date.parse(completedAt))}
          >
            {name}
          </SelectOption>
        ))}
      </SelectList>
    </Select>
  );
}
