import { expect, test } from "vitest";
import { nameFromText } from "../../bytes/byte-name.ts";
import { parseCrypttab } from "./crypttab.ts";

const UUID = "f0d5a2c7-7c0e-4c62-9d8a-0123456789ab";

test("names of volumes given by UUID; other devices, comments and empty lines are passed over", () => {
  const text = `# <target> <source>

sda3_crypt UUID=${UUID} none luks,discard
quoted\tUUID="${UUID}"
 by-uuid  /dev/disk/by-uuid/${UUID.toUpperCase()}  /etc/key
swap /dev/sda4 /dev/urandom swap
part PARTUUID=${UUID}
short
`;
  expect([...parseCrypttab(nameFromText(text))]).toEqual(
    ["sda3_crypt", "quoted", "by-uuid"].map((name) => [`/dev/mapper/${name}`, `/dev/mapper/luks-${UUID}`]),
  );
});
