/**
 * From what `@elysiajs/swagger` writes to a valid OpenAPI 3.0.3 document. What is true of a route comes from its
 * `operation` and what depends on the configuration from the configuration.
 */
import type { Config } from "../config.ts";
import { PROBLEM_TYPE_PREFIX, PROBLEM_TYPES, type ProblemType } from "../problem-types.ts";
import { factsOf, responseHeadersOf, type RouteFacts } from "./operation.ts";
import { SchemaCleaner, type Fields, type Json } from "./openapi-schemas.ts";
import { basePath } from "./path.ts";
import { TITLES } from "./problem.ts";
import { ProblemSchema } from "./schemas.ts";

const CONTENT_TYPES = {
  none: [],
  json: ["application/json"],
  form: ["application/x-www-form-urlencoded", "multipart/form-data"],
} as const satisfies Record<NonNullable<RouteFacts["body"]>, readonly string[]>;

const MEANINGS: Readonly<Record<string, string>> = {
  200: "Success.",
  201: "Created.",
  204: "No content.",
  302: "Redirect.",
  304: "Not modified.",
  400: "The request is malformed, or the two passwords differ.",
  401: "A login is needed, or the credentials are not valid.",
  403: "The caller may not do this, the token of the link is not valid, or a form comes from a page of another site.",
  404: "There is no such resource.",
  409: "The name is taken, or the state of the resource does not allow this.",
  412: "The resource has changed since it was read.",
  413: "The body is larger than the route takes: 64 KiB, or 2 MiB for an import.",
  415: "The body has another media type, charset or encoding than the route takes.",
  422: "The input is not valid; `errors` names each field.",
  429: "A rate limit is exceeded; `Retry-After` says when to try again.",
  503: "A part that the request needs is not available. Nothing was done.",
};

/** The groups of the API, in the order in which a newcomer looks for them. */
export const TAGS = [
  { name: "Passwords", description: "Ask for a reset email, and set a password with its link." },
  { name: "Development inbox", description: "The emails that a development server catches; for tests too." },
  { name: "Authentication", description: "Log in, refresh, revoke." },
  { name: "Sessions", description: "List them, end them, log out." },
  { name: "My account", description: "Your own account, its emails and its events." },
  { name: "Accounts", description: "Read, create and change accounts." },
  { name: "Email addresses", description: "Confirm an address, change it, stop a change by a stranger." },
  { name: "Outbox", description: "The timeline of every email; retry, cancel, pause. For superusers." },
  { name: "Audit", description: "Who did what to which account. For superusers." },
  { name: "Operations", description: "For operators." },
] as const;

const HEADERS = {
  RequestId: { description: "Names this request in the log, the audit log and the timeline of its emails." },
  RetryAfter: { description: "Seconds until the request may be sent again." },
  WwwAuthenticate: { description: "The challenge (RFC 6750 §3)." },
  RateLimit: { description: "What is left of the limit (draft-ietf-httpapi-ratelimit-headers-10)." },
  RateLimitPolicy: { description: "The limit of the route for one client." },
} as const;

const headerRef = (name: keyof typeof HEADERS): Fields => ({ $ref: `#/components/headers/${name}` });

export type DocumentConfig = Pick<Config, "publicUrl" | "demoPassword" | "metrics">;

export function cleanDocument(raw: unknown, version: string, config: DocumentConfig): Fields {
  const schemas = new SchemaCleaner();
  // The schema of problems is named first, so that answers can refer to it.
  schemas.clean(JSON.parse(JSON.stringify(ProblemSchema)) as Fields);
  const paths = Object.entries((raw as Fields)["paths"] as Fields).map(([path, item]) => [
    path,
    Object.fromEntries(
      Object.entries(item as Fields).map(([method, o]) => [method, cleanOperation(schemas, method, o as Fields)]),
    ),
  ]);
  const text = JSON.stringify(paths);
  return {
    openapi: "3.0.3",
    info: {
      title: "dundie",
      version,
      description: `Accounts and authentication, with emails that never block a request and never get lost. Press *Authorize* to log in, then *Try it out*.${demoWords(config)}`,
      license: { name: "MIT", url: "https://opensource.org/license/mit" },
    },
    servers: [{ url: basePath(config) || "/" }],
    tags: TAGS.filter(({ name }) => text.includes(`"${name}"`)),
    paths: Object.fromEntries(paths) as Json,
    components: {
      securitySchemes: securitySchemes(config),
      schemas: Object.fromEntries([...schemas.named].toSorted(([a], [b]) => a.localeCompare(b))),
      headers: Object.fromEntries(
        Object.entries(HEADERS).map(([name, header]) => [name, { ...header, schema: { type: "string" } }]),
      ),
    },
  };
}

/** Names the demo accounts where they exist. */
const demoWords = ({ demoPassword }: DocumentConfig): string =>
  demoPassword === null
    ? ""
    : " The demo accounts, such as `mscott@dm.com` (a superuser), share the password that `bun start` prints.";

/** Either one opens a locked route: a login in the page itself, or a token that one has. */
const securitySchemes = (config: DocumentConfig): Json => ({
  login: {
    type: "oauth2",
    description: `A username or an email address, and a password.${demoWords(config)}`,
    flows: { password: { tokenUrl: `${basePath(config)}/token`, scopes: {} } },
  },
  bearerAuth: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: "An access token of `POST /token`." },
  ...(config.metrics.token === null
    ? {}
    : { metricsToken: { type: "http", scheme: "bearer", description: "`METRICS_TOKEN`." } }),
});

function cleanOperation(schemas: SchemaCleaner, method: string, raw: Fields): Fields {
  const { operationId, summary, description, tags, deprecated } = raw;
  const { parameters, requestBody, responses } = raw;
  const facts = factsOf(raw) ?? { access: "public", limit: "none" };
  const content = (requestBody as Fields | undefined)?.["content"] as Fields | undefined;
  return {
    ...(deprecated ? { deprecated } : {}),
    operationId: operationId ?? null,
    summary: summary ?? "",
    ...(description ? { description } : {}),
    tags: (tags as Json[] | undefined)?.slice(-1) ?? ["Operations"],
    ...(Array.isArray(parameters) && parameters.length > 0
      ? { parameters: parameters.map((p) => cleanParameter(schemas, p as Fields)) }
      : {}),
    ...(content ? { requestBody: cleanBody(schemas, facts, content) } : {}),
    responses: cleanResponses(schemas, facts, method, (responses ?? {}) as Fields, responseHeadersOf(raw)),
    security: securityOf(facts),
  };
}

/** An empty requirement means: also without a login. */
function securityOf({ access, superuserSeesMore }: RouteFacts): Json {
  if (superuserSeesMore) return [{ login: [] }, { bearerAuth: [] }, {}];
  if (access === "public") return [];
  if (access === "metrics") return [{ metricsToken: [] }];
  return [{ login: [] }, { bearerAuth: [] }, ...(access === "owner-or-link" ? [{}] : [])];
}

function cleanParameter(schemas: SchemaCleaner, parameter: Fields): Fields {
  const schema = schemas.clean(parameter["schema"] as Fields);
  const { examples, ...rest } = parameter;
  const { description, ...bare } = schema;
  const example = Array.isArray(examples) ? { example: examples[0] as Json } : {};
  // The plugin calls a parameter with a default required.
  const required = rest["required"] === true && !("default" in bare);
  return { ...rest, required, ...(description ? { description } : {}), ...example, schema: bare };
}

function cleanBody(schemas: SchemaCleaner, { body = "json" }: RouteFacts, content: Fields): Fields {
  const [first] = Object.values(content);
  const schema = schemas.clean((first as Fields)["schema"] as Fields);
  const { required: fields = [], minProperties } = schemas.resolve(schema);
  const required = (fields as readonly Json[]).length > 0 || minProperties !== undefined;
  return { required, content: Object.fromEntries(CONTENT_TYPES[body].map((type) => [type, { schema }])) };
}

function cleanResponses(
  schemas: SchemaCleaner,
  facts: RouteFacts,
  method: string,
  responses: Fields,
  headers: ReturnType<typeof responseHeadersOf>,
): Fields {
  const all = new Map<string, Fields>();
  for (const [status, response] of Object.entries(responses)) {
    // The plugin moves what it does not know of the schema, its title and description included, to the response.
    const { content, title, description } = response as Fields;
    const [first] = Object.values((content ?? {}) as Fields) as Fields[];
    const words = title === undefined ? {} : { title, ...(description === undefined ? {} : { description }) };
    const schema = first?.["schema"] ? schemas.clean({ ...words, ...(first["schema"] as Fields) }) : null;
    const isProblem = schema?.["$ref"] === "#/components/schemas/Problem";
    all.set(status, isProblem ? problemAnswer(status) : answer(status, facts, schema, headers[Number(status)] ?? {}));
  }
  if (![...all.keys()].some((status) => status.startsWith("2") || status.startsWith("3"))) {
    const status = method === "delete" ? "204" : "200";
    all.set(status, answer(status, facts, null, {}));
  }
  for (const status of statusesBefore(facts)) all.set(status, problemAnswer(status));
  // Every route asks the database.
  if (!all.has("503")) all.set("503", problemAnswer("503"));
  return Object.fromEntries([...all].toSorted(([a], [b]) => Number(a) - Number(b)));
}

/** What is refused before the handler is called: see `admission.ts` and `body.ts`. */
function statusesBefore({ access, limit, body = "none" }: RouteFacts): string[] {
  return [
    "400",
    ...(access === "public" ? [] : ["401"]),
    ...(["public", "account", "metrics"].includes(access) && body !== "form" ? [] : ["403"]),
    ...(body === "none" ? [] : ["413", "415"]),
    ...(limit === "none" ? [] : ["429"]),
  ];
}

function answer(
  status: string,
  { limit }: RouteFacts,
  schema: Fields | null,
  headers: Readonly<Record<string, string>>,
): Fields {
  const own = Object.entries(headers).map(([name, description]) => [name, { description, schema: { type: "string" } }]);
  const limits =
    limit === "none" ? {} : { ratelimit: headerRef("RateLimit"), "ratelimit-policy": headerRef("RateLimitPolicy") };
  return {
    description: MEANINGS[status] ?? "Success.",
    headers: { ...Object.fromEntries(own), ...limits, "x-request-id": headerRef("RequestId") },
    ...(schema ? { content: { "application/json": { schema } } } : {}),
  };
}

function problemAnswer(status: string): Fields {
  const description = MEANINGS[status] ?? "Refused.";
  const errors = status === "422" ? { errors: [{ pointer: "/email", detail: "Give one email address." }] } : {};
  const example = {
    type: PROBLEM_TYPE_PREFIX + typeOf(Number(status)),
    title: TITLES[Number(status)] ?? "Error",
    status: Number(status),
    detail: description,
    ...errors,
  };
  const headers = {
    ...(status === "401" ? { "www-authenticate": headerRef("WwwAuthenticate") } : {}),
    ...(status === "429" || status === "503" ? { "retry-after": headerRef("RetryAfter") } : {}),
    "x-request-id": headerRef("RequestId"),
  };
  const schema = { $ref: "#/components/schemas/Problem" };
  return { description, headers, content: { "application/problem+json": { schema, example } } };
}

/** The most general type of a status. */
function typeOf(status: number): ProblemType {
  const general: readonly ProblemType[] = [
    "malformed-body",
    "login-required",
    "forbidden",
    "conflict",
    "invalid-input",
  ];
  const names = Object.keys(PROBLEM_TYPES) as ProblemType[];
  return [...general, ...names].find((name) => PROBLEM_TYPES[name].status === status) ?? "internal-error";
}
