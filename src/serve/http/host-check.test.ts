import { expect, test } from "vitest";
import { createHostCheck } from "./host-check.ts";

const hosts = createHostCheck(["Restore.Example.com", "vmfr.ns.svc.cluster.local"]);

test.each([
  "localhost",
  "localhost:1234",
  "LOCALHOST.",
  "127.0.0.1:8443",
  "10.1.2.3",
  "[::1]:8443",
  "restore.example.com",
  "vmfr.ns.svc.cluster.local:8443",
])("answers to %s", (header) => expect(hosts.allows(header)).toBe(true));

test.each([
  undefined,
  "",
  "evil.example",
  "localhost.evil.example",
  "127.0.0.1.evil.example",
  "restore.example.com@evil.example",
  "[::1",
  "a b",
  "localhost:port",
])("does not answer to %s", (header) => expect(hosts.allows(header)).toBe(false));
