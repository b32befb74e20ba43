import { expect, test } from "vitest";
import { listsVirtualMachine, resourceListSchema } from "./resource-list.ts";

test.each<[string, unknown, boolean]>([
  ["exact", { "kubevirt.io/v1/VirtualMachine": ["demo/web-1"] }, true],
  ["lower case", { "kubevirt.io/v1/virtualmachine": ["demo/web-1"] }, true],
  ["another version", { "kubevirt.io/v1alpha3/VirtualMachine": ["demo/web-1"] }, true],
  ["among many", { "v1/Pod": ["demo/web-1"], "kubevirt.io/v1/VirtualMachine": ["demo/db", "demo/web-1"] }, true],
  ["wrong name", { "kubevirt.io/v1/VirtualMachine": ["demo/web-10"] }, false],
  ["wrong namespace", { "kubevirt.io/v1/VirtualMachine": ["prod/web-1"] }, false],
  ["wrong kind", { "kubevirt.io/v1/VirtualMachineInstance": ["demo/web-1"] }, false],
  ["wrong group", { "example.com/v1/VirtualMachine": ["demo/web-1"] }, false],
  ["no group", { "v1/VirtualMachine": ["demo/web-1"] }, false],
  ["a kind with many slashes", { "kubevirt.io/v1/x/VirtualMachine": ["demo/web-1"] }, false],
  ["an empty kind", { "": ["demo/web-1"] }, false],
  ["a name without namespace", { "kubevirt.io/v1/VirtualMachine": ["web-1"] }, false],
  ["a namespace without name", { "kubevirt.io/v1/VirtualMachine": ["demo/"] }, false],
  ["a name with several slashes", { "kubevirt.io/v1/VirtualMachine": ["demo/web-1/x", "x/demo/web-1"] }, false],
  ["a kind without names", { "kubevirt.io/v1/VirtualMachine": null }, false],
  ["none", {}, false],
  ["null", null, false],
])("the VM in a backup's resource list: %s", (_what, list, expected) => {
  expect(listsVirtualMachine(resourceListSchema.parse(list), "demo", "web-1")).toBe(expected);
});
