/** Swagger at `/docs`: the document is Elysia's, cleaned; the page and all it loads are served from here. */
import { swagger } from "@elysiajs/swagger";
import { Elysia } from "elysia";
import { fileURLToPath } from "node:url";
import packageJson from "../../package.json" with { type: "json" };
import { cleanDocument } from "./openapi.ts";

/** Nothing of anybody else's. Swagger UI writes style attributes; scripts are files alone. */
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>dundie: the API</title>
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="stylesheet" href="/docs/docs.css">
<script src="/docs/docs.client.js"></script>
<div id="docs"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
</html>
`;

const FILES: Readonly<Record<string, string>> = {
  "swagger-ui.css": swaggerFile("swagger-ui.css"),
  "swagger-ui-bundle.js": swaggerFile("swagger-ui-bundle.js"),
  "favicon-32x32.png": swaggerFile("favicon-32x32.png"),
  "docs.css": ownFile("docs.css"),
  "docs.client.js": ownFile("docs.client.js"),
};

/**
 * Where Elysia's plugin answers, for ourselves alone: beside the document it serves a page that loads from elsewhere,
 * and nobody is to find that.
 */
const GENERATED = `/docs/${crypto.randomUUID()}`;
const HIDDEN = { detail: { hide: true } };

/** @param handle answers a request as the whole app does: the document is made from what is mounted in it. */
export const docs = (handle: (request: Request) => Promise<Response> | Response) => {
  let document: Promise<unknown> | undefined;
  const read = async (): Promise<unknown> => {
    const raw = await handle(new Request(`http://localhost${GENERATED}/json`));
    return cleanDocument(await raw.json(), packageJson.version);
  };
  const cleaned = () => (document ??= read());
  return new Elysia({ name: "docs" })
    .use(swagger({ path: GENERATED, provider: "swagger-ui", exclude: [/^\/docs/, "/openapi.json"] }))
    .get("/openapi.json", cleaned, HIDDEN)
    .get("/docs/json", cleaned, HIDDEN)
    .get(
      "/docs",
      ({ set }) => {
        set.headers["content-security-policy"] = PAGE_POLICY;
        set.headers["content-type"] = "text/html; charset=utf-8";
        return PAGE;
      },
      HIDDEN,
    )
    .get(
      "/docs/:file",
      ({ params, set, status }) => {
        const path = Object.hasOwn(FILES, params.file) ? FILES[params.file] : undefined;
        if (!path) return status(404, "There is no such file.");
        set.headers["cache-control"] = "public, max-age=3600";
        return Bun.file(path);
      },
      HIDDEN,
    );
};

function swaggerFile(name: string): string {
  return fileURLToPath(import.meta.resolve(`swagger-ui-dist/${name}`));
}

function ownFile(name: string): string {
  return fileURLToPath(new URL(`../web/${name}`, import.meta.url));
}
