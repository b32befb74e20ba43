/** `node scripts/generate-crds.mjs`: writes the CustomResourceDefinitions in deploy/crd from their types. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { installDependencies, root } from "./dependencies.mjs";

installDependencies();
const { register } = await import("tsx/esm/api");
register();
const { crdManifests } = await import("../src/operator/api/manifests.ts");
const directory = path.join(root, "deploy/crd");
mkdirSync(directory, { recursive: true });
for (const [name, text] of crdManifests()) writeFileSync(path.join(directory, name), text);
