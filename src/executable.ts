/** What differs in the executable that `bun run build` makes (`ops/build.ts`): it has its files inside. */
import { join } from "node:path";

/** How a person calls the command line. */
export const PROGRAM = Bun.isStandaloneExecutable ? "dundie" : "bun run dundie";

/**
 * The path of a file or folder that `ops/build.ts` put into the executable, for `node:fs`, `Bun.file` and `Worker`. Of
 * the main thread only: a Worker's `import.meta.dir` is the folder of its own module.
 */
export const insideExecutable = (name: string): string => join(import.meta.dir, name);
