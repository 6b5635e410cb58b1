/**
 * `bun run build`: makes `dist/dundie`, one executable that runs on a machine with neither Bun nor the sources. The
 * courier's thread, the pages' files, the email templates and the migrations are inside; the embedded PostgreSQL is not.
 *
 * `--target bun-linux-arm64` builds for another platform (Bun's documentation, "Supported targets").
 */
import type { BunPlugin } from "bun";
import { cp, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { migrationsFolder } from "../src/db/migrate.ts";
import { BUNDLES_FOLDER, buildBundles } from "../src/web/bundles.ts";

const ROOT = join(import.meta.dir, "..");

const { values } = parseArgs({
  options: { target: { type: "string" }, outfile: { type: "string", default: join(ROOT, "dist/dundie") } },
});

/** rate-limiter-flexible hides the name of drizzle-orm from bundlers, and would look for the package when it runs. */
const visibleImports: BunPlugin = {
  name: "visible-imports",
  setup(build) {
    build.onLoad({ filter: /rate-limiter-flexible[\\/]lib[\\/]RateLimiterDrizzle\.js$/ }, async ({ path }) => {
      const source = await Bun.file(path).text();
      const contents = source.replace("import(/* @vite-ignore */ specifier)", 'import("drizzle-orm")');
      if (contents === source) throw new Error(`${path} imports drizzle-orm in a way that the build does not know.`);
      return { contents, loader: "js" };
    });
  },
};

await mkdir(join(ROOT, "dist"), { recursive: true });
const staging = await mkdtemp(join(ROOT, "dist/.staging-"));
try {
  await stageMigrations(join(staging, "drizzle"));
  await stageBundles(join(staging, BUNDLES_FOLDER));
  await compile(staging);
} finally {
  await rm(staging, { recursive: true });
}

/** Without drizzle-kit's snapshots, which only the next `bun run migrations` reads. */
async function stageMigrations(folder: string): Promise<void> {
  for (const name of await readdir(migrationsFolder)) {
    if (name.endsWith(".sql")) await cp(join(migrationsFolder, name), join(folder, name));
  }
  await cp(join(migrationsFolder, "meta/_journal.json"), join(folder, "meta/_journal.json"));
}

async function stageBundles(folder: string): Promise<void> {
  for (const [name, { body }] of await buildBundles()) {
    await Bun.write(join(folder, name), body);
    await Bun.write(join(folder, `${name}.gz`), Bun.gzipSync(body, { level: 9 }));
  }
}

/** The names of the files inside are those that `src/executable.ts` is asked for. */
async function compile(staging: string): Promise<void> {
  process.chdir(staging);
  const { outputs } = await Bun.build({
    // Bun places the entry points by the folder that they have in common, which is `src`.
    entrypoints: [join(ROOT, "src/cli.ts"), join(ROOT, "src/mail/courier/worker.ts")],
    target: "bun",
    format: "esm",
    compile: {
      outfile: values.outfile,
      ...(values.target === undefined ? {} : { target: values.target as Bun.Build.CompileTarget }),
      assets: ["drizzle", BUNDLES_FOLDER],
      // What is in the directory that it is started in must not change what it does.
      autoloadDotenv: false,
      autoloadBunfig: false,
    },
    // Names stay, because errors and traces show them.
    minify: { whitespace: true, syntax: true },
    // Inside the executable, so that stack traces name the sources.
    sourcemap: "linked",
    // It starts a fifth faster, and is 11 MB larger.
    bytecode: true,
    define: { "process.env.NODE_ENV": '"production"' },
    plugins: [visibleImports],
  });
  for (const { path } of outputs) if (path.endsWith(".map")) await rm(path);
}
