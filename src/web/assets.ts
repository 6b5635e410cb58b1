/** Serves the scripts and style sheets of all pages, at `/assets/`. */
import { Elysia } from "elysia";
import type { Brand } from "../config.ts";
import { NotFound } from "../errors.ts";
import { page } from "../http/operation.ts";
import { loadBundles, type Bundle } from "./bundles.ts";

interface Asset extends Bundle {
  readonly type: string;
  readonly etag: string;
}

/** The assets by file name. */
export type Assets = ReadonlyMap<string, Asset>;

/** Once for each process: several apps may run in one. */
let bundled: Promise<Assets> | undefined;

/** Loads what the pages need, and makes the style sheet with the brand's colours. */
export async function loadAssets({ color }: Pick<Brand, "color">): Promise<Assets> {
  bundled ??= loadBundles().then((bundles) => {
    return new Map([...bundles].map(([name, bundle]) => [name, assetOf(name, bundle)]));
  });
  // The pages' policy forbids inline styles, so the colours come as a file.
  const brand = new TextEncoder().encode(`:root { --brand: ${color}; --on-brand: ${readableOn(color)}; }\n`);
  const brandAsset = assetOf("brand.css", { body: brand, gzipped: Bun.gzipSync(brand) });
  return new Map([...(await bundled), ["brand.css", brandAsset]]);
}

export const assetRoutes = (assets: Assets) =>
  new Elysia({ name: "assets", detail: page({ access: "public", limit: "none" }) }).get(
    "/assets/:name",
    ({ params, request }) => {
      const asset = assets.get(params.name);
      if (!asset) throw new NotFound("There is no such file.");
      return respond(request, asset);
    },
  );

/** Browsers ask each time and get a 304 while nothing has changed, so that a page and its files are of one version. */
function respond({ headers }: Request, { type, body, gzipped, etag }: Asset): Response {
  const common = {
    "cache-control": "no-cache",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
    vary: "accept-encoding",
    etag,
  };
  if (headers.get("if-none-match") === etag) return new Response(null, { status: 304, headers: common });
  const compressed = /\bgzip\b/.test(headers.get("accept-encoding") ?? "");
  return new Response(compressed ? gzipped : body, {
    headers: { ...common, "content-type": type, ...(compressed ? { "content-encoding": "gzip" } : {}) },
  });
}

function assetOf(name: string, bundle: Bundle): Asset {
  const type = `text/${name.endsWith(".css") ? "css" : "javascript"}; charset=utf-8`;
  return { ...bundle, type, etag: `"${Bun.hash(bundle.body).toString(36)}"` };
}

/** Black or white, whichever contrasts more with the colour (WCAG 2.2, relative luminance): at least 4.5:1. */
export function readableOn(color: string): "#000000" | "#ffffff" {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return channel <= 0.040_45 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  // Where both contrasts are equal: (1 + 0.05) / (L + 0.05) = (L + 0.05) / (0 + 0.05).
  return luminance > 0.179 ? "#000000" : "#ffffff";
}
