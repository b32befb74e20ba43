import fc from "fast-check";
import { expect, test } from "vitest";
import { childNames } from "./child-names.ts";

const owner = { name: "vm1-restore", namespace: "openshift-adp", uid: "12345678-aaaa-bbbb-cccc-ddddeeeeffff" };
const DNS_LABEL = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;

test("names of the existing implementation where they can be kept", () => {
  expect(childNames.pod(owner)).toBe("vm1-restore-fileserver");
  expect(childNames.service(owner)).toBe("vm1-restore-fileserver-svc");
  expect(childNames.temporaryNamespace(owner)).toBe("vm1-restore-12345678");
  expect(childNames.temporaryNamespace(owner, "Test_Prefix")).toBe("test-prefix-vm1-restore-12345678");
  expect(childNames.restoredPvc("root", "daily-1")).toBe("root-daily-1");
});

test.each([
  ["short", "team", "team-vm1-restore-12345678"],
  ["upper case", "TEAM", "team-vm1-restore-12345678"],
  ["invalid characters", "te.am_1", "te-am-1-vm1-restore-12345678"],
  ["hyphens at its ends", "--team--", "team---vm1-restore-12345678"],
  ["all of it mixed", "-Te@am!_", "te-am--vm1-restore-12345678"],
  ["a single character", "t", "t-vm1-restore-12345678"],
  ["nothing", "", "vm1-restore-12345678"],
  ["nothing that can stay", "__", "vm1-restore-12345678"],
  ["exactly as much as fits", "p".repeat(42), `${"p".repeat(42)}-vm1-restore-12345678`],
  ["more than fits", "p".repeat(80), `${"p".repeat(54)}-12345678`],
  ["more than fits, cut at a hyphen", `${"p".repeat(53)}-p`, `${"p".repeat(53)}-12345678`],
])("NormalizeDNS1123Label, as a prefix of the temporary namespace: %s", (_what, prefix, name) => {
  expect(name.length).toBeLessThanOrEqual(63);
  expect(childNames.temporaryNamespace(owner, prefix)).toBe(name);
});

test("a name of which nothing can stay still has a namespace", () => {
  expect(childNames.temporaryNamespace({ ...owner, name: "_", uid: "ABCD1234-0000" })).toBe("vmfr-abcd1234");
});

test("a long, dotted or numeric name still names a Service (D20)", () => {
  for (const name of ["a".repeat(253), "2026.restore", "a.b", "9"]) {
    for (const of of [childNames.service, childNames.pod, childNames.certificate]) {
      expect(of({ ...owner, name })).toMatch(DNS_LABEL);
    }
  }
  expect(childNames.service({ ...owner, name: "a.b" })).not.toBe(childNames.service({ ...owner, name: "vmfr-a-b" }));
});

test("every name is valid and different owners never share a namespace or a Restore", () => {
  const name = fc.stringMatching(/^[a-z0-9]([-a-z0-9.]{0,80}[a-z0-9])?$/);
  fc.assert(
    fc.property(name, name, fc.uuid(), (restore, backup, uid) => {
      const one = { ...owner, name: restore, uid };
      const other = { ...one, uid: owner.uid };
      for (const label of [childNames.temporaryNamespace(one), childNames.veleroRestore(one, backup)]) {
        expect(label).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
      }
      if (uid !== owner.uid) {
        expect(childNames.veleroRestore(one, backup)).not.toBe(childNames.veleroRestore(other, backup));
      }
      expect(childNames.restoredPvc(restore, backup).length).toBeLessThanOrEqual(253);
    }),
  );
});

test("backups whose names differ behind the limit are restored under different names", () => {
  const long = "b".repeat(250);
  expect(childNames.restoredPvc("root", `${long}1`)).not.toBe(childNames.restoredPvc("root", `${long}2`));
  expect(childNames.veleroRestore(owner, `${long}1`)).not.toBe(childNames.veleroRestore(owner, `${long}2`));
});
