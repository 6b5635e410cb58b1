/** The OpenAPI document at `/openapi.json`: Elysia's, cleaned. The page that shows it is `web/docs.ts`. */
import { swagger } from "@elysiajs/swagger";
import { Elysia } from "elysia";
import packageJson from "../../package.json" with { type: "json" };
import { cleanDocument, type DocumentConfig } from "./openapi.ts";
import { page } from "./operation.ts";

/** Elysia's plugin also serves a page that loads from another host, so it answers at a path that cannot be guessed. */
const GENERATED = `/docs/${crypto.randomUUID()}`;
const HIDDEN = { detail: page({ access: "public", limit: "none" }) };

/** @param handle answers a request as the whole app does, because the document lists what is mounted in it. */
export const docs = (config: DocumentConfig, handle: (request: Request) => Promise<Response> | Response) => {
  let document: Promise<unknown> | undefined;
  const read = async (): Promise<unknown> => {
    const raw = await handle(new Request(`http://localhost${GENERATED}/json`));
    return cleanDocument(await raw.json(), packageJson.version, config);
  };
  const cleaned = () => (document ??= read());
  return new Elysia({ name: "docs", ...HIDDEN })
    .use(swagger({ path: GENERATED, provider: "swagger-ui", exclude: [/^\/docs/, "/openapi.json"] }))
    .get("/openapi.json", cleaned)
    .get("/docs/json", cleaned);
};
