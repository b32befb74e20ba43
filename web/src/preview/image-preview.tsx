import { useState } from "react";
import { fileAddress } from "../api/client.ts";

/** Formats the browser decodes and the server labels as images; SVG is a document with scripts and stays text. */
const IMAGE_NAME = /\.(png|jpe?g|gif|webp|avif|bmp|ico)$/i;

export function isImageName(name: string): boolean {
  return IMAGE_NAME.test(name);
}

export function ImagePreview({ path, name }: { readonly path: string; readonly name: string }) {
  const [facts, setFacts] = useState<string>();
  if (facts === "broken") return <p>The browser cannot show this image. It may be damaged or not an image at all.</p>;
  return (
    <figure>
      <img
        src={fileAddress(path)}
        alt={name}
        onLoad={({ currentTarget }) =>
          setFacts(`${currentTarget.naturalWidth} × ${currentTarget.naturalHeight} pixels`)
        }
        onError={() => setFacts("broken")}
      />
      <figcaption className="vmfr-subtle">{facts}</figcaption>
    </figure>
  );
}
