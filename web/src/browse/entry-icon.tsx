import ExclamationTriangleIcon from "@patternfly/react-icons/dist/esm/icons/exclamation-triangle-icon";
import FileAltIcon from "@patternfly/react-icons/dist/esm/icons/file-alt-icon";
import FileIcon from "@patternfly/react-icons/dist/esm/icons/file-icon";
import FileImageIcon from "@patternfly/react-icons/dist/esm/icons/file-image-icon";
import FolderIcon from "@patternfly/react-icons/dist/esm/icons/folder-icon";
import LinkIcon from "@patternfly/react-icons/dist/esm/icons/link-icon";
import PlugIcon from "@patternfly/react-icons/dist/esm/icons/plug-icon";
import type { Entry } from "../../../src/serve/http/api-types.ts";
import { isImageName } from "../preview/image-preview.tsx";

export function EntryIcon({ entry }: { readonly entry: Entry }) {
  if (entry.error !== undefined) return <ExclamationTriangleIcon title="Cannot be read" />;
  switch (entry.type) {
    case "directory":
      return <FolderIcon title="Directory" />;
    case "symlink":
      return <LinkIcon title="Symbolic link" />;
    case "file":
      if (isImageName(entry.name)) return <FileImageIcon title="Image" />;
      return entry.size === 0 ? <FileIcon title="Empty file" /> : <FileAltIcon title="File" />;
    default:
      return <PlugIcon title={entry.type} />;
  }
}
