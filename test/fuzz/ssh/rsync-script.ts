import { ItemFlag, Message } from "../../../src/serve/ssh/rsync/protocol.ts";
import type { SeededRandom } from "./seeded-random.ts";

const LETTERS = ["-logDtpre.iLsfxCIvu", "-lHogDtpXre.iLsfxCIvu", "-re.iLsfxCI", "-Rre.LsfxCIvu", "-rcCe.f", "-rLe.iv"];
const LONG_OPTIONS = [
  "--checksum-choice=md5",
  "--checksum-choice=md5 --append",
  "--checksum-choice=md5 --files-from=- --from0",
  "--checksum-choice=md5 -n",
  "--checksum-choice=md5 -z --compress-choice=zlib",
];

const RULES = [
  ...[
    "- *",
    "+ **/a**b",
    "dir-merge,e .rules",
    ": .rules",
    "!",
    "-! x",
    "- [",
    "-/ /web/**",
    ":C",
    "-C",
    "P x",
    "hide x",
  ],
  ...[". a", "-x user.*", "-", "- */***", "+ /dir/", "- dir/**/file", "-s *.o", "merge none", "exclude *a*a*a*a*b"],
];

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value | 0, 0);
  return bytes;
}

/** One client's side of a transfer: a command, and all that the client sends, right or wrong in some fields. */
export class RsyncScript {
  readonly command: string;
  readonly input: Buffer;
  readonly #random: SeededRandom;
  readonly #version: number;
  /** In a hundred fields. */
  readonly #wrong: number;
  readonly #letters: string;
  readonly #long: string;
  #lastIndex = -1;

  constructor(random: SeededRandom) {
    this.#random = random;
    this.#version = random.pick([27, 28, 29, 30, 31, 32, 32]);
    this.#wrong = random.pick([0, 0, 1, 5, 30]);
    this.#letters = random.pick(this.#version < 30 ? ["-logDtpr", "-rH", "-rc", "-Rr"] : LETTERS);
    // The default before version 30, MD4, is made anew for every session, which would be most of the time spent here.
    const usual = this.#version < 30 && random.percent(95) ? "--checksum-choice=md5" : "";
    this.#long = random.percent(40) ? random.pick(LONG_OPTIONS) : usual;
    const path = random.pick(["/web/dir", "/web/dir/", "/web/file", "/web/*", "/web/", "/web/link/", "/web/none"]);
    this.command = `rsync --server --sender ${this.#letters} ${this.#long} . ${path}`;
    this.input = this.#script();
  }

  #script(): Buffer {
    const begin = [this.#number(this.#version), ...this.#negotiation()];
    const hasList = this.#long.includes("--files-from");
    const list = hasList ? [Buffer.from("dir\0file\0none\0dir/../3\0\0", "latin1")] : [];
    const body = [...this.#rules(), ...(this.#version >= 31 ? list : []), ...this.#requests()];
    if (this.#version < 30) return Buffer.concat([...begin, ...this.#rules(), ...list, ...this.#requests()]);
    return Buffer.concat([...begin, ...this.#frames(Buffer.concat(body))]);
  }

  #isWrong(): boolean {
    return this.#random.percent(this.#wrong);
  }

  #number(value: number): Buffer {
    return int32(this.#isWrong() ? this.#random.boundary() : value);
  }

  /** Where the letter `v` says that lists of names may come. */
  #negotiation(): Buffer[] {
    if (this.#version < 30 || !this.#letters.includes("v")) return [];
    const isChecksumFixed = this.#long.includes("--checksum-choice");
    const names = this.#isWrong()
      ? this.#random.bytes(200)
      : Buffer.from(this.#random.percent(4) ? "xxh128 xxh3 md5" : "md5 md4");
    return isChecksumFixed ? [] : [this.#vstring(names)];
  }

  #vstring(bytes: Buffer): Buffer {
    const length = this.#isWrong() ? this.#random.below(0x8000) : bytes.length;
    const head = length < 0x80 ? [length] : [0x80 | (length >> 8), length & 0xff];
    return Buffer.concat([Buffer.from(head), bytes]);
  }

  #rules(): Buffer[] {
    const rules = this.#random.percent(60) ? [] : this.#random.several(3, () => this.#rule());
    return [...rules, this.#number(0)];
  }

  #rule(): Buffer {
    const text = Buffer.from(this.#isWrong() ? this.#random.bytes(30) : this.#random.pick(RULES));
    return Buffer.concat([this.#number(text.length), text]);
  }

  #requests(): Buffer[] {
    const first = this.#letters.includes("i") ? 1 : 0;
    const requests = this.#random.several(6, () => this.#request(first + this.#random.below(14)));
    const ends = this.#random.percent(90) ? Array.from({ length: 24 }, () => this.#end()) : [];
    return [...requests, ...ends];
  }

  #end(): Buffer {
    return this.#version < 30 ? int32(-1) : Buffer.of(0);
  }

  #request(index: number): Buffer {
    const isTransfer = this.#random.percent(60);
    let flags = isTransfer ? ItemFlag.TRANSFER : 0;
    if (this.#random.percent(20)) flags |= ItemFlag.BASIS_TYPE_FOLLOWS;
    if (this.#random.percent(10)) flags |= ItemFlag.XNAME_FOLLOWS;
    if (this.#isWrong()) flags = this.#random.below(0x1_0000);
    const parts = [this.#index(index)];
    if (this.#version >= 29) parts.push(Buffer.of(flags & 0xff, flags >> 8));
    if (this.#version >= 29 && (flags & ItemFlag.BASIS_TYPE_FOLLOWS) !== 0) parts.push(Buffer.of(0x80));
    if (this.#version >= 29 && (flags & ItemFlag.XNAME_FOLLOWS) !== 0) parts.push(this.#vstring(Buffer.from("name")));
    const hasSums = this.#version < 29 || (flags & ItemFlag.TRANSFER) !== 0;
    if (hasSums && !this.#long.includes("-n")) parts.push(...this.#sums());
    return Buffer.concat(parts);
  }

  /** In versions from 30 on the difference to the one before. */
  #index(index: number): Buffer {
    if (this.#version < 30) return this.#number(index);
    const difference = index - this.#lastIndex;
    this.#lastIndex = index;
    if (this.#isWrong())
      return this.#random.pick([Buffer.of(0xff, 1), Buffer.of(0xfe, 0x80, 1, 0, 0), Buffer.of(0xff)]);
    if (difference > 0 && difference < 0xfe) return Buffer.of(difference);
    return Buffer.of(0xfe, 0x80 | ((index >> 24) & 0x7f), index & 0xff, (index >> 8) & 0xff, (index >> 16) & 0xff);
  }

  /** Head and checksums of the client's copy; in places not those of any file. */
  #sums(): Buffer[] {
    const count = this.#random.pick([0, 0, 0, 1, 2, 5]);
    const isAppending = this.#long.includes("--append");
    const strongLength = 2;
    const blockLength = count === 0 ? 0 : this.#random.pick([1, 10, 700]);
    const head = [count, blockLength, count === 0 ? 0 : strongLength, 0].map((value) => this.#number(value));
    const sums = Array.from({ length: isAppending ? 0 : count }, () => this.#random.bytes(0));
    return [...head, ...sums.map(() => Buffer.concat([int32(this.#random.uint32()), Buffer.alloc(strongLength)]))];
  }

  #frames(body: Buffer): Buffer[] {
    const frames: Buffer[] = [];
    for (let offset = 0; offset < body.length; ) {
      const payload = body.subarray(offset, offset + 1 + this.#random.below(400));
      frames.push(this.#frame(Message.DATA, payload));
      offset += payload.length;
      if (this.#isWrong()) frames.push(this.#frame(this.#random.below(120), this.#random.bytes(20)));
    }
    return frames;
  }

  #frame(kind: number, payload: Buffer): Buffer {
    const length = this.#isWrong() ? this.#random.boundary() & 0xff_ffff : payload.length;
    return Buffer.concat([int32(((kind + 7) << 24) | length), payload]);
  }
}
