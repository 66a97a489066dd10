// Compiles the package twice: ES modules, and CommonJS beside them with a package.json that says so.

import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const compiler = createRequire(import.meta.url).resolve("typescript/bin/tsc");
const compile = (...options) => execFileSync(process.execPath, [compiler, ...options], { stdio: "inherit" });

rmSync("dist", { recursive: true, force: true });
compile("-p", "tsconfig.json");
compile("-p", "tsconfig.cjs.json");
writeFileSync("dist/cjs/package.json", '{ "type": "commonjs" }\n');
