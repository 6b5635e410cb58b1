/** The page at `/docs`: Swagger UI, served from here, on the document at `/openapi.json`. */
import { Elysia } from "elysia";
import type { Config } from "../config.ts";
import { page } from "../http/operation.ts";
import { developmentLinks, siteNav } from "./development.ts";
import { respondWithPage, rootOf } from "./document.ts";

const ICON =
  "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'><rect width='24' height='24' rx='5' fill='#1f5eff'/><path d='M9.5 5C7 5 8.5 11 5.5 12c3 1 1.5 7 4 7m5-14c2.5 0 1 6 4 7-3 1-1.5 7-4 7' fill='none' stroke='white' stroke-width='2' stroke-linecap='round' stroke-linejoin='round'/></svg>";

export const docsPage = ({ config }: { readonly config: Config }) =>
  new Elysia({ name: "docs-page", detail: page({ access: "public", limit: "none" }) }).get("/docs", ({ request }) =>
    respondWithPage(
      request,
      {
        title: "dundie: the API",
        icon: ICON,
        styles: ["swagger-ui.css", "docs.css"],
        scripts: ["docs.js"],
        body: `
    ${siteNav(request, developmentLinks(config), "docs")}
    <div id="docs" data-document="${rootOf(request)}openapi.json"></div>
    <script src="${rootOf(request)}assets/swagger-ui-bundle.js"></script>
    <noscript>The documentation needs JavaScript. Without it, read <a href="${rootOf(request)}openapi.json">the OpenAPI document</a>.</noscript>
  `,
      },
      // Swagger UI writes style attributes.
      { policy: { "style-src": "'self' 'unsafe-inline'", "font-src": "'self'" } },
    ),
  );
