/** `node scripts/generate-manifests.mjs`: writes what is in deploy/ from the code that says it. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { installDependencies, root } from "./dependencies.mjs";

installDependencies();
const { register } = await import("tsx/esm/api");
register();
const { crdManifests } = await import("../src/operator/api/manifests.ts");
const { defaultInstallation } = await import("../src/operator/deployment/installation.ts");
const { asYaml, operatorManifests } = await import("../src/operator/deployment/manifests.ts");

write("deploy/crd", crdManifests());
const files = [...operatorManifests(defaultInstallation)].map(([name, objects]) => [name, asYaml(objects)]);
write("deploy/operator", files);

function write(folder, texts) {
  const directory = path.join(root, folder);
  mkdirSync(directory, { recursive: true });
  for (const [name, text] of texts) writeFileSync(path.join(directory, name), text);
}
