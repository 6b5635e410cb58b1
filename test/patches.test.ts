/** A patch is tied to the version of its package, and is dropped without a word when the version changes. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { patchedDependencies } from "../package.json";

const root = join(import.meta.dir, "..");

for (const [dependency, patch] of Object.entries(patchedDependencies)) {
  test(`every line of the patch of ${dependency} is there`, async () => {
    const name = dependency.slice(0, dependency.lastIndexOf("@"));
    const files = parsePatch(await Bun.file(join(root, patch)).text());
    expect(files.size).toBeGreaterThan(0);
    for (const [path, { added, removed }] of files) {
      const installed = (await Bun.file(join(root, "node_modules", name, path)).text()).split("\n");
      const count = (line: string): number => installed.filter((one) => one === line).length;
      expect(added.filter((line) => count(line) === 0)).toEqual([]);
      // A removed line may stand elsewhere, too: short ones do, such as a brace.
      expect(removed.filter((line) => !added.includes(line) && line.length > 30 && count(line) > 0)).toEqual([]);
    }
  });

  test(`patches/README.md says why ${dependency} is patched`, async () => {
    expect(await Bun.file(join(root, "patches/README.md")).text()).toContain(`## ${dependency}\n`);
  });
}

test("no telemetry is installed: the lock file has a stub in its place", async () => {
  const lock = await Bun.file(join(root, "bun.lock")).text();
  expect(lock).toContain('"@scarf/scarf@file:patches/@scarf+scarf"');
  expect(lock).not.toMatch(/"@scarf\/scarf@\d/);
});

function parsePatch(patch: string): Map<string, { added: string[]; removed: string[] }> {
  const files = new Map<string, { added: string[]; removed: string[] }>();
  let current: { added: string[]; removed: string[] } | undefined;
  for (const line of patch.split("\n")) {
    if (line.startsWith("--- ")) continue;
    if (line.startsWith("+++ b/")) files.set(line.slice(6), (current = { added: [], removed: [] }));
    else if (line.startsWith("+") && line.trim() !== "+") current?.added.push(line.slice(1));
    else if (line.startsWith("-")) current?.removed.push(line.slice(1));
  }
  return files;
}
