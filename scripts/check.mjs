/** `npm run check`: lint, types, dead code and unit tests, in under half a minute. */
import { installDependencies, localBin, run } from "./dependencies.mjs";

installDependencies();
run(localBin("biome"), ["check", "."]);
run(localBin("tsc"), []);
run(localBin("tsc"), ["-p", "web"]);
run(localBin("knip"), ["--no-progress"]);
run(process.execPath, ["scripts/licences.mjs"]);
run(localBin("vitest"), ["run", "--project", "unit"]);
