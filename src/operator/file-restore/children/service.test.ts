import { expect, test } from "vitest";
import { service } from "./service.ts";

const owner = { name: "r", namespace: "adp", uid: "u" };

test.each([
  ["SSH alone", { ssh: true, web: false }, [2222]],
  ["the browser alone", { ssh: false, web: true }, [8443]],
  ["both", { ssh: true, web: true }, [2222, 8443]],
])("the Service has the ports of the access asked for: %s", (_what, access, ports) => {
  const made = service(owner, { namespace: "files", access, serviceCertificate: false });
  expect(made.metadata).toMatchObject({ name: "r-fileserver-svc", namespace: "files" });
  expect(made.spec?.ports?.map(({ port }) => port)).toEqual(ports);
});
