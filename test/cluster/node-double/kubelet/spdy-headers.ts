/** SPDY/3 draft, section 2.6.10: names and values of a stream, compressed by one zlib stream for each direction. */
import type { Transform } from "node:stream";
import { constants, createDeflate, createInflate } from "node:zlib";
import { uint32s } from "./spdy-frames.ts";

/** Each is preceded in the dictionary by its length, 32 bits, big-endian. */
const DICTIONARY_WORDS = [
  "options,head,post,put,delete,trace,accept,accept-charset,accept-encoding,accept-language,accept-ranges,age,allow",
  "authorization,cache-control,connection,content-base,content-encoding,content-language,content-length",
  "content-location,content-md5,content-range,content-type,date,etag,expect,expires,from,host,if-match",
  "if-modified-since,if-none-match,if-range,if-unmodified-since,last-modified,location,max-forwards,pragma",
  "proxy-authenticate,proxy-authorization,range,referer,retry-after,server,te,trailer,transfer-encoding,upgrade",
  "user-agent,vary,via,warning,www-authenticate,method,get,status,200 OK,version,HTTP/1.1,url,public,set-cookie",
  "keep-alive,origin",
].join(",");

const DICTIONARY_TEXT = [
  "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505",
  "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized",
  "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable",
  "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT",
  "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,",
  "publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.",
].join("");

const dictionary = Buffer.concat([
  ...DICTIONARY_WORDS.split(",").flatMap((word) => [uint32s(word.length), Buffer.from(word)]),
  Buffer.from(DICTIONARY_TEXT),
]);

/** By name, in lower case. */
export type SpdyHeaders = ReadonlyMap<string, string>;

/** The blocks of one connection: each depends on all before it, so they are taken and given in their order. */
export class SpdyHeaderBlocks {
  readonly #inflate = createInflate({ dictionary });
  readonly #deflate = createDeflate({ dictionary, flush: constants.Z_SYNC_FLUSH });

  /** @throws when it is not compressed as SPDY/3 says, or ends early */
  async decode(block: Buffer): Promise<SpdyHeaders> {
    const bytes = await passThrough(this.#inflate, block);
    const headers = new Map<string, string>();
    let position = 4;
    const text = (): string => {
      const start = position + 4;
      position = start + bytes.readUInt32BE(position);
      return bytes.toString("utf8", start, position);
    };
    for (let left = bytes.readUInt32BE(0); left > 0; left--) headers.set(text(), text());
    return headers;
  }

  /** A block that names nothing. */
  encodeNone(): Promise<Buffer> {
    return passThrough(this.#deflate, uint32s(0));
  }
}

/** What comes out of a (de)compressor for one block; the next one continues where it stands. */
function passThrough(stream: Transform, block: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    stream.once("error", reject);
    stream.write(block, () => {
      stream.off("error", reject);
      const parts: Buffer[] = [];
      for (let part = stream.read(); part !== null; part = stream.read()) parts.push(part);
      resolve(Buffer.concat(parts));
    });
  });
}
