/**
 * The files that pages load, built from `browser/`. Bun's bundler needs about 50 ms, so a process that runs from the
 * sources builds them when it starts. A build for deployment replaces this module by one that holds the files: the
 * plugin `prebuiltBundles` makes it.
 */
import type { BunPlugin } from "bun";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";

/** File names, as the address has them after `/assets/`, and their contents. */
export type Bundles = Readonly<Record<string, Uint8Array<ArrayBuffer>>>;

const ENTRYPOINTS = [
  "docs/docs.ts",
  "docs/docs.css",
  "inbox/inbox.tsx",
  "inbox/inbox.css",
  "outbox/outbox.tsx",
  "outbox/outbox.css",
  "pages/page.ts",
  "pages/reset.ts",
  "pages/pages.css",
];

/** Taken as they are: they are minified already, and minifying them again takes three times as long as the rest. */
const COPIED = ["swagger-ui-dist/swagger-ui-bundle.js", "swagger-ui-dist/swagger-ui.css"];

/** @throws {AggregateError} when a source cannot be bundled. */
export async function loadBundles(): Promise<Bundles> {
  const { outputs } = await Bun.build({
    entrypoints: ENTRYPOINTS.map((entry) => fileURLToPath(new URL(`browser/${entry}`, import.meta.url))),
    naming: "[name].[ext]",
    target: "browser",
    minify: true,
    // React's development build is five times as large; NODE_ENV of this process says nothing about the page.
    define: { "process.env.NODE_ENV": '"production"' },
  });
  const copied = COPIED.map((name) => ({ path: name, blob: Bun.file(fileURLToPath(import.meta.resolve(name))) }));
  const files = [...outputs.map((output) => ({ path: output.path, blob: output })), ...copied];
  return Object.fromEntries(
    await Promise.all(
      files.map(async ({ path, blob }) => [basename(path), new Uint8Array(await blob.arrayBuffer())] as const),
    ),
  );
}

/**
 * A plugin for `Bun.build` that puts the files of now in the place of this module, so that what is built needs neither
 * the sources nor the bundler. The files are made before: a build that starts another from its plugin never ends.
 */
export async function prebuiltBundles(): Promise<BunPlugin> {
  const files = Object.entries(await loadBundles()).map(([name, bytes]) => [name, bytes.toBase64()]);
  const contents = `
    const files = ${JSON.stringify(files)};
    export const loadBundles = async () =>
      Object.fromEntries(files.map(([name, base64]) => [name, Uint8Array.fromBase64(base64)]));`;
  return {
    name: "prebuilt-bundles",
    setup(build) {
      build.onLoad({ filter: /[\\/]web[\\/]bundles\.ts$/ }, () => ({ loader: "ts", contents }));
    },
  };
}
