/** `bun run dundie …`. Loads the rest from here, so that an installation without packages is named in a sentence. */
import { dirname } from "node:path";

try {
  const { main } = await import("./cli/main.ts");
  process.exit(await main(process.argv.slice(2), process.env));
} catch (error) {
  // Bun's name for it; everything that is thrown later is answered in `main`.
  if (!(error instanceof ResolveMessage)) throw error;
  process.stderr.write(
    `A package is missing (${error.specifier}). In ${dirname(import.meta.dir)}, run first: bun install --frozen-lockfile --production\n`,
  );
  process.exit(1);
}
