/**
 * The files that pages load. A process that runs from the sources builds them from `browser/` when it starts, which
 * takes about 70 ms; the executable holds them built and compressed.
 */
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { insideExecutable } from "../executable.ts";

type Bytes = Uint8Array<ArrayBuffer>;

export interface Bundle {
  readonly body: Bytes;
  readonly gzipped: Bytes;
}

/** By file name, as the address has it after `/assets/`. */
export type Bundles = ReadonlyMap<string, Bundle>;

/** The folder in the executable that holds each bundle as `NAME` and as `NAME.gz`. */
export const BUNDLES_FOLDER = "assets";

const ENTRYPOINTS = [
  "docs/docs.ts",
  "docs/docs.css",
  "inbox/inbox.tsx",
  "inbox/inbox.css",
  "outbox/outbox.tsx",
  "outbox/outbox.css",
  "people/people.tsx",
  "people/people.css",
  "pages/page.ts",
  "pages/reset.ts",
  "pages/pages.css",
];

/** Taken as they are: they are minified already, and minifying them again takes three times as long as the rest. */
const COPIED = ["swagger-ui-dist/swagger-ui-bundle.js", "swagger-ui-dist/swagger-ui.css"];

/** @throws {AggregateError} when a source cannot be bundled. */
export const loadBundles = (): Promise<Bundles> =>
  Bun.isStandaloneExecutable ? readBundles(insideExecutable(BUNDLES_FOLDER)) : buildBundles();

/** @throws {AggregateError} when a source cannot be bundled. */
export async function buildBundles(): Promise<Bundles> {
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
  return new Map(
    await Promise.all(
      files.map(async ({ path, blob }) => {
        const body = await bytesOf(blob);
        return [basename(path), { body, gzipped: Bun.gzipSync(body) }] as const;
      }),
    ),
  );
}

async function readBundles(folder: string): Promise<Bundles> {
  const names = (await readdir(folder)).filter((name) => !name.endsWith(".gz"));
  const read = (name: string): Promise<Bytes> => bytesOf(Bun.file(join(folder, name)));
  return new Map(
    await Promise.all(
      names.map(async (name) => [name, { body: await read(name), gzipped: await read(`${name}.gz`) }] as const),
    ),
  );
}

const bytesOf = async (blob: Blob): Promise<Bytes> => new Uint8Array(await blob.arrayBuffer());
