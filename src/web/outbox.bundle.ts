/** The script and the style sheet of `/outbox`, made by Bun's bundler from `outbox/` when first asked for. */
import { fileURLToPath } from "node:url";

export interface Asset {
  readonly type: string;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly gzipped: Uint8Array<ArrayBuffer>;
  readonly etag: string;
}

export interface OutboxBundle {
  readonly script: Asset;
  readonly style: Asset;
}

export async function bundleOutbox(): Promise<OutboxBundle> {
  const [script, style] = await Promise.all([
    bundle("main.tsx", "text/javascript; charset=utf-8"),
    bundle("outbox.css", "text/css; charset=utf-8"),
  ]);
  return { script, style };
}

async function bundle(entry: string, type: string): Promise<Asset> {
  const { outputs } = await Bun.build({
    entrypoints: [fileURLToPath(new URL(`outbox/${entry}`, import.meta.url))],
    target: "browser",
    minify: true,
    // React's development build is five times the size; the process's own NODE_ENV says nothing about the page.
    define: { "process.env.NODE_ENV": '"production"' },
  });
  const [output] = outputs;
  if (!output) throw new Error(`Cannot bundle outbox/${entry}: there is no output`);
  const body = new Uint8Array(await output.arrayBuffer());
  const etag = `"${Bun.hash(body).toString(36)}"`;
  return { type, body, gzipped: Bun.gzipSync(body), etag };
}
