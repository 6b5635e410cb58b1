/** The style sheet and the scripts of the pages that a letter's link leads to. */
import { Elysia } from "elysia";
import type { Config } from "../config.ts";

export const pageFiles = ({ brand }: Config) =>
  new Elysia({ name: "page-files", detail: { hide: true } })
    .get("/pages/pages.css", async () => {
      // The policy forbids inline styles, so the brand's colours come in here.
      const colors = `:root { --brand: ${brand.color}; --on-brand: ${readableOn(brand.color)}; }\n`;
      return respond(colors + (await source("pages.css").text()), "text/css; charset=utf-8");
    })
    .get("/pages/pages.client.js", () => respond(source("pages.client.js"), "text/javascript; charset=utf-8"))
    .get("/pages/reset.client.js", () => respond(source("reset.client.js"), "text/javascript; charset=utf-8"));

/** Read from disk each time: a change shows at the next reload. */
const source = (name: string) => Bun.file(new URL(name, import.meta.url));

/** To be asked for anew each time: a page and its script must be of one version. */
const respond = (body: string | Blob, type: string): Response =>
  new Response(body, {
    headers: { "content-type": type, "cache-control": "no-cache", "x-content-type-options": "nosniff" },
  });

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
