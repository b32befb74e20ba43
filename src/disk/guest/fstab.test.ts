import fc from "fast-check";
import { expect, test } from "vitest";
import { parseFstab } from "./fstab.ts";

const parse = (text: string) =>
  parseFstab(Buffer.from(text)).map(({ spec, mountPoint }) => [spec, Buffer.from(mountPoint).toString()]);

test("takes what mounts a device on a path, decoded", () => {
  const text = `# comment
UUID=1234 / ext4 defaults 0 1
UUID="abcd"\t/boot ext4 defaults 0 2
/dev/vda3 /srv/with\\040blank xfs noauto
LABEL=gr\\303\\266\\303\\237e /größe ext4
tmpfs /tmp tmpfs
UUID=5 none swap sw 0 0
/srv/a /mnt none bind 0 0
incomplete /x
`;
  expect(parse(text)).toEqual([
    ["UUID=abcd", "/boot"],
    ["/dev/vda3", "/srv/with blank"],
    ["LABEL=größe", "/größe"],
    ["tmpfs", "/tmp"],
  ]);
});

test("any bytes are read without failing", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => Array.isArray(parseFstab(bytes))));
});
