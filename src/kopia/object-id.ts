import { CorruptDataError } from "../errors.ts";
import { type ContentKey, contentKeyFromText } from "./content-id.ts";

/** Where an object's bytes are: a content, or `indirection` levels of seek tables above contents. */
export interface ObjectId {
  readonly text: string;
  /** Number of `I`: 0 is the content itself, 1 a seek table of contents, 2 a seek table of a seek table. */
  readonly indirection: number;
  /** `Z`: the content starts with a compression header of its own (format 1 only). */
  readonly compressed: boolean;
  readonly content: ContentKey;
}

/** `I`* `Z`? `D`? content id; `D` is a legacy marker without meaning (kopia: repo/object/objectid.go). */
const OBJECT_ID = /^(I*)(Z?)D?([g-z]?[0-9a-f]+)$/;

/** @throws CorruptDataError when the text is no object id. */
export function parseObjectId(text: string, structure = "object id"): ObjectId {
  const match = OBJECT_ID.exec(text);
  if (match === null) {
    throw new CorruptDataError(
      { format: "kopia", structure },
      `not an object id: ${JSON.stringify(text.slice(0, 100))}`,
    );
  }
  const [, indirect = "", compressed, content = ""] = match;
  return {
    text,
    indirection: indirect.length,
    compressed: compressed === "Z",
    content: contentKeyFromText(content, structure),
  };
}
