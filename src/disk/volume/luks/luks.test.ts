import { expect, test } from "vitest";
import { defaultLimits } from "../../../bytes/limits.ts";
import { SourceError } from "../../../errors.ts";
import { MemorySource } from "../../../source/memory-source.ts";
import type { FindVolumesOptions } from "../inner-volume.ts";
import { findEncryptedVolumes } from "./find-encrypted-volumes.ts";
import { KeyRing } from "./key-ring.ts";
import { luks1Image, luks2Image, PASSPHRASE } from "./small-luks.fixture.ts";

const payload = Buffer.from(Array.from({ length: 16 * 1024 }, (_, index) => (index * 31) % 241));

const noArgon2 = () => Promise.reject(new Error("nothing here needs it"));
const keyRing = (...passphrases: Uint8Array[]) =>
  new KeyRing(
    passphrases.map((each) => Buffer.from(each)),
    noArgon2,
  );

/** The decrypted bytes and the warnings. @throws why it cannot be opened */
async function open(image: Uint8Array, options: Partial<FindVolumesOptions> = {}) {
  const source = new MemorySource(image);
  const { sets, others } = await findEncryptedVolumes([source], {
    limits: defaultLimits,
    keys: keyRing(PASSPHRASE),
    ...options,
  });
  const [set] = sets;
  const [volume] = set?.volumes ?? [];
  if (set === undefined || volume === undefined) {
    const other = others.get(source);
    throw other !== undefined && "error" in other ? other.error : new Error("nothing was found");
  }
  const opened = await volume.open();
  return { bytes: Buffer.from(await opened.read(0, opened.size)), warnings: set.warnings, name: volume.name };
}

const UUID = "f0d5a2c7-7c0e-4c62-9d8a-0123456789ab";

test("both versions open with their passphrase, by the name that systemd gives them", async () => {
  const keys = keyRing(Buffer.from("wrong"), PASSPHRASE);
  for (const image of [luks1Image(payload), luks2Image(payload), luks2Image(payload, { sectorSize: 4096 })]) {
    expect(await open(image, { keys })).toEqual({ bytes: payload, warnings: [], name: `luks-${UUID}` });
  }
  expect((await open(luks2Image(payload, { firstIv: 77 }))).bytes).toEqual(payload);
  await expect(open(luks1Image(payload), { keys: keyRing(Buffer.from("wrong")) })).rejects.toThrow(
    "no given passphrase opens it",
  );
});

test("a key that was found opens the same volume of another backup without a passphrase's work", async () => {
  const keys = keyRing(PASSPHRASE);
  await open(luks2Image(payload), { keys });
  const withoutMaterial = luks2Image(payload).fill(0, 32_768, 524_288);
  expect((await open(withoutMaterial, { keys })).bytes).toEqual(payload);
  keys.forget();
  await expect(open(withoutMaterial, { keys })).rejects.toThrow("no given passphrase opens it");
});

test("of LUKS2's copies the valid and newer one counts", async () => {
  const edit = (json: string) => json.replace('"dynamic"', '"4096"');
  const old = luks2Image(payload, { edit, sequences: [3, 3] });
  const image = luks2Image(payload, { sequences: [3, 4] });
  // The first copy is from before the change.
  old.copy(image, 0, 0, 16_384);
  expect(await open(image)).toMatchObject({ bytes: payload, warnings: [expect.stringContaining("is older")] });
  const first = luks2Image(payload);
  first.write("garbage", 5000);
  expect(await open(first)).toMatchObject({
    bytes: payload,
    warnings: [expect.stringMatching(/first copy is damaged, the second is used: .*checksum does not match/)],
  });
  const second = luks2Image(payload);
  second.write("garbage", 16_384 + 5000);
  expect(await open(second)).toMatchObject({
    bytes: payload,
    warnings: [expect.stringContaining("second copy is damaged")],
  });
  second.write("garbage", 5000);
  await expect(open(second)).rejects.toThrow("luks: LUKS2 header at byte 0: checksum does not match");
});

test.each([
  ['"sector_size":512', '"sector_size":513', "has sectors of 513 bytes"],
  ['"sector_size":512', '"sector_size":0', "has sectors of 0 bytes"],
  ['"sector_size":512', '"sector_size":8192', "has sectors of 8192 bytes"],
  ['"dynamic"', '"16896"', "do not lie in the volume"],
  ['"dynamic"', '"0"', "do not lie in the volume"],
  ['"dynamic"', '"100"', "does not consist of whole sectors"],
  ['"dynamic"', '"18446744073709551616"', "size is no plausible number"],
  ['"dynamic"', "12", "size is no text"],
  ['"offset":"524288"', '"offset":"9007199254740993"', "offset is no plausible number"],
  ['"offset":"524288"', '"offset":"-512"', "offset is no plausible number"],
  ['"offset":"524288"', '"offset":"9007199254740480"', "do not lie in the volume"],
  ['"offset":"524288"', '"offset":"512"', "lies over the header"],
  ['"offset":"524288"', '"offset":"0"', "header apart from its data"],
  ['"iv_tweak":"0"', '"iv_tweak":"9007199254740991"', "implausibly large"],
  ['"type":"crypt"', '"type":"linear"', 'segment of type "linear"'],
  ['"type":"crypt"', '"integrity":{"type":"hmac(sha256)"},"type":"crypt"', 'integrity protection "hmac(sha256)"'],
  ['"segments":{', '"segments":{"1":{},', "several segments"],
  ['"segments":{"0":{', '"segments":{"7":{', "segment 0: is no object"],
  ['"sector_size":512}', '"sector_size":512,"encryption":"aes-adiantum-plain64"}', 'cipher "aes-adiantum-plain64"'],
  ['"config":{', '"config":{"requirements":{"mandatory":["online-reencrypt-v2"]},', "online-reencrypt-v2"],
  ['"segments":["0"]', '"segments":["0",1]', "holds something that is no text"],
  ['"segments":["0"]', '"segments":[]', "not exactly one is the data segment's"],
  ['"keyslots":["0"]', '"keyslots":["1"]', "no keyslot is in use"],
  ['"keyslots":["0"]', '"keyslots":["__proto__","constructor"]', "no keyslot is in use"],
  ['"iterations":10,"salt":"WlpaW', '"iterations":4294967295,"salt":"WlpaW', "keyDerivationWork"],
  ['"iterations":10', '"iterations":0', "has no iterations"],
  ['"iterations":10', '"iterations":1e400', "iterations is no whole number"],
  ['"key_size":64,"af"', '"key_size":48,"af"', "with keys of 384 bits"],
  ['"key_size":64,"af"', '"key_size":1e15,"af"', "its area is too small"],
  ['"stripes":4000', '"stripes":4001', "split otherwise than in 4000 stripes"],
  ['"offset":"32768"', '"offset":"9007199254740991"', "lies beyond the volume's end"],
  ['"offset":"32768"', '"offset":"524288"', "lies beyond the volume's end"],
  ['"size":"258048"', '"size":"1000"', "its area is too small"],
  ['"hash":"sha256"}', '"hash":"whirlpool"}', 'hash "whirlpool"'],
  ['"type":"luks2"', '"type":"reencrypt"', 'keyslot of type "reencrypt"'],
  ['{"type":"pbkdf2","hash"', '{"type":"scrypt","hash"', 'key derivation "scrypt"'],
  ['"salt":"Wl', '"salt":"W!', "salt is not Base64"],
  ['"config":{', "", "is not JSON"],
])("LUKS2 metadata with %s instead of %s", async (right, wrong, reason) => {
  const edit = (json: string) => {
    expect(json).toContain(right);
    return json.replace(right, wrong);
  };
  // The order of arguments in the name is the other way round: what is there instead of what should be.
  await expect(open(luks2Image(payload, { edit }))).rejects.toThrow(reason);
});

test("Argon2 within its limits only", async () => {
  const argon = (time: number, memory: number, cpus: number) => (json: string) =>
    json.replace(
      '"kdf":{"type":"pbkdf2","hash":"sha256","iterations":10',
      `"kdf":{"type":"argon2id","time":${time},"memory":${memory},"cpus":${cpus}`,
    );
  for (const [edit, reason] of [
    [argon(4, 2 ** 20 + 1, 4), "exceeds the limit of 1073741824 (keyDerivationMemory)"],
    [argon(2 ** 30, 2 ** 20, 4), "(keyDerivationWork)"],
    [argon(0, 64, 4), "has impossible parameters"],
    [argon(1, 31, 4), "has impossible parameters"],
    [argon(1, 2 ** 20, 65), "has impossible parameters"],
    [argon(1, 64, 4), "nothing here needs it"],
  ] as const) {
    await expect(open(luks2Image(payload, { edit }))).rejects.toThrow(reason);
  }
});

test("a keyslot that cannot be used hides no other one, and is named when none opens the volume", async () => {
  const edit = (json: string) =>
    json
      .replace('"keyslots":["0"]', '"keyslots":["1","0","9"]')
      .replace('"keyslots":{', '"keyslots":{"1":{"type":"luks2","af":{"type":"luks1","stripes":7}},');
  const image = luks2Image(payload, { edit });
  expect((await open(image)).bytes).toEqual(payload);
  await expect(open(image, { keys: keyRing(Buffer.from("wrong")) })).rejects.toThrow(
    "no given passphrase opens it; not tried: luks: not supported: keyslot 1 split otherwise",
  );
});

test("a LUKS1 header's fields are checked", async () => {
  const edited = (offset: number, value: number) => {
    const image = luks1Image(payload);
    image.writeUInt32BE(value, offset);
    return image;
  };
  for (const [image, reason] of [
    [edited(104, 0), "header apart from its data"],
    [edited(104, 545), "do not lie in the volume"],
    [edited(108, 0xffffffff), "with keys of 34359738360 bits"],
    [edited(164, 0), "in no iterations"],
    [edited(164, 0xffffffff), "work for the key digest"],
    [edited(208, 1), "keyslot 0 is neither enabled nor disabled"],
    [edited(208, 0x0000dead), "no keyslot is in use"],
    [edited(212, 0xffffffff), "work for the keyslot 0"],
    [edited(248, 0xffffffff), "lies beyond the volume's end"],
    [edited(252, 3999), "has not 4000 stripes"],
  ] as const) {
    await expect(open(image)).rejects.toThrow(reason);
  }
  const version = luks1Image(payload);
  version.writeUInt16BE(3, 6);
  await expect(open(version)).rejects.toThrow("luks: not supported: version 3");
  await expect(open(luks1Image(payload).subarray(0, 4000))).rejects.toThrow("lies beyond the volume's end");
});

test("without a key ring the way out is named; a failing disk may be tried again", async () => {
  const source = new MemorySource(luks1Image(payload));
  const found = await findEncryptedVolumes([source], { limits: defaultLimits });
  expect(found.others.get(source)).toMatchObject({
    error: { message: "encrypted; give the passphrase with --passphrase-file" },
  });
  const failing = {
    size: source.size,
    read: () => Promise.reject(new SourceError("timed out", { retryable: true })),
    close: () => Promise.resolve(),
  };
  await expect(findEncryptedVolumes([failing], { limits: defaultLimits })).rejects.toThrow("timed out");
});
