import { LimitError } from "../errors.ts";

const LINE_FEED = 0x0a;

/**
 * The lines of a stream, however its chunks are cut; also in the midst of a UTF-8 character. What comes after the
 * last line feed was cut off and is dropped.
 *
 * @throws LimitError when a line has more than `maximum` bytes
 */
export async function* linesOf(chunks: AsyncIterable<Buffer>, maximum: number): AsyncIterable<string> {
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    let start = 0;
    while (start < chunk.length) {
      const end = chunk.indexOf(LINE_FEED, start);
      const part = chunk.subarray(start, end === -1 ? chunk.length : end);
      length += part.length;
      if (length > maximum) throw new LimitError("kubeWatchEvent", maximum, "an event of a watch");
      parts.push(part);
      if (end === -1) break;
      yield Buffer.concat(parts).toString("utf8");
      parts = [];
      length = 0;
      start = end + 1;
    }
  }
}
