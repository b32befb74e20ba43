/** Builds dist/: the program in one place with its dependencies inside, and the web app. */
import { rmSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { installDependencies, localBin, root, run } from "./dependencies.mjs";

const NODE_FLOOR = "node20.19";

/**
 * ssh2 and a few others are CommonJS and expect these names; the odd spelling avoids clashes after bundling. Every
 * chunk starts with this, and most never call it, so nothing is made before it is needed.
 */
const COMMONJS_NAMES = `
import { createRequire as vmfrCreateRequire } from "node:module";
let vmfrRequire;
const require = (id) => (vmfrRequire ??= vmfrCreateRequire(import.meta.url))(id);
const __filename = import.meta.filename;
const __dirname = import.meta.dirname;
`;

export async function buildProgram() {
  const { build } = await import("esbuild");
  rmSync(path.join(root, "dist/chunks"), { recursive: true, force: true });
  await build({
    absWorkingDir: root,
    entryPoints: { vmfr: "src/bin/vmfr.ts", "kubectl-vmfr": "src/bin/kubectl-vmfr.ts" },
    outdir: "dist",
    outExtension: { ".js": ".mjs" },
    chunkNames: "chunks/[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    // A package's ES modules keep their named exports when they are loaded with import(); CommonJS would not.
    mainFields: ["module", "main"],
    target: NODE_FLOOR,
    // ssh2 tries its optional native addon and goes on without it.
    external: ["cpu-features", "*.node"],
    banner: { js: COMMONJS_NAMES },
    // Start-up is mostly reading and scanning the program; names stay, so that stack traces can be read.
    minifyWhitespace: true,
    minifySyntax: true,
    sourcemap: true,
    legalComments: "linked",
    logLevel: "warning",
  });
}

export function buildWeb() {
  run(localBin("vite"), ["build", "--logLevel", "warn", "web"]);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  installDependencies();
  await buildProgram();
  buildWeb();
}
