/**
 * From what `@elysiajs/swagger` emits to a valid OpenAPI 3.0.3 document: pure. What is mended: schema keywords that 3.0
 * does not have, content types that a route does not speak, and what each operation should say and does not.
 */
import { isLimited } from "./limits.ts";
import { TITLES } from "./problem.ts";

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type Fields = Readonly<Record<string, Json>>;

const JSON_TYPE = "application/json";
const FORM_TYPE = "application/x-www-form-urlencoded";
/** The routes whose body is a form (RFC 6749, 7009, 7662). */
const FORMS: ReadonlySet<string> = new Set(["/token", "/revoke", "/introspect"]);

const REASONS: Readonly<Record<string, string>> = {
  200: "Done.",
  201: "Made.",
  204: "Done, and nothing to say.",
  302: "Elsewhere.",
  304: "Unchanged.",
  400: "The request is malformed, or the two passwords differ.",
  401: "Nobody is logged in, or the token is not good any more.",
  403: "Whoever is logged in may not do this, or the link's token is not good.",
  404: "There is no such thing.",
  409: "It is taken, or its state does not allow this.",
  412: "It has changed since it was read.",
  413: "The body is larger than any that is taken.",
  415: "The body is not of the type that is taken.",
  422: "The request does not fit; `errors` says what to mend.",
  429: "Too often; `Retry-After` says when to come again.",
  503: "A part that the request needs does not answer; nothing was promised.",
};

/** As a newcomer would look for them. */
export const TAGS = [
  { name: "Passwords", description: "Ask for a reset mail, and set a password with its link." },
  { name: "Development inbox", description: "The mail that `bun start` catches; for tests too." },
  { name: "Authentication", description: "Log in, refresh, revoke." },
  { name: "Sessions", description: "One a device: list them, end them, log out." },
  { name: "My account", description: "Whose login it is, and what happened to it." },
  { name: "Accounts", description: "Read, make and change accounts." },
  { name: "E-mail addresses", description: "Prove an address, move to another, stop a theft." },
  { name: "Outbox", description: "Every letter's story; retry, cancel, pause. For superusers." },
  { name: "Audit", description: "Who did what to whom, from where. For superusers." },
  { name: "Operations", description: "For whoever runs it." },
] as const;

/** Either opens a locked route: a login in the page itself, or a token that one has. */
export const SECURITY_SCHEMES = {
  login: {
    type: "oauth2",
    description: "A username or an e-mail address, and a password; the demo staff's stands where `bun start` runs.",
    flows: { password: { tokenUrl: "/token", scopes: {} } },
  },
  bearerAuth: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: "An access token of `POST /token`." },
} as const;

export function cleanDocument(raw: unknown, version: string): Fields {
  const document = raw as Fields;
  const paths = Object.entries(document["paths"] as Fields).map(([path, item]) => [
    path,
    Object.fromEntries(
      Object.entries(item as Fields).map(([method, o]) => [method, cleanOperation(path, method, o as Fields)]),
    ),
  ]);
  return {
    openapi: "3.0.3",
    info: {
      title: "dundie",
      version,
      description:
        "Accounts and auth, whose e-mail never blocks a request and never gets lost. Press *Authorize* to log in as one of the demo staff (`mscott@dm.com` is a superuser), then *Try it out*.",
      license: { name: "MIT", url: "https://opensource.org/license/mit" },
    },
    servers: [{ url: "/" }],
    tags: TAGS.filter(({ name }) => JSON.stringify(paths).includes(`"${name}"`)),
    paths: Object.fromEntries(paths) as Json,
    components: { securitySchemes: SECURITY_SCHEMES as unknown as Json, schemas: { Problem: PROBLEM } },
  };
}

function cleanOperation(path: string, method: string, operation: Fields): Fields {
  const { parameters, requestBody, responses, security, operationId: _, ...rest } = operation;
  const body = requestBody as Fields | undefined;
  return {
    ...rest,
    operationId: idOf(path, method),
    tags: (rest["tags"] as Json[] | undefined)?.slice(-1) ?? ["Operations"],
    ...(Array.isArray(parameters) && parameters.length > 0
      ? { parameters: parameters.map((p) => cleanParameter(p as Fields)) }
      : {}),
    ...(body ? { requestBody: cleanBody(path, method, body["content"] as Fields) } : {}),
    responses: cleanResponses((responses ?? {}) as Fields, path, method),
    // An empty requirement says: also without.
    security:
      (security as Json[] | undefined)?.flatMap((one): Json[] =>
        "bearerAuth" in (one as Fields) ? [{ login: [] }, { bearerAuth: [] }] : [one],
      ) ?? [],
  };
}

/** `POST /user/{username}/password/` -> `postUserByUsernamePassword`. */
function idOf(path: string, method: string): string {
  const words = path
    .split("/")
    .filter(Boolean)
    .map((part) => part.replace(/^\{(.*)\}$/, "by_$1"));
  return [method, ...words].join("_").replace(/[_.-]+(\w)/g, (_, letter: string) => letter.toUpperCase());
}

const cleanParameter = (parameter: Fields): Fields => {
  const schema = cleanSchema(parameter["schema"] as Fields);
  const { examples, ...rest } = parameter;
  const { description, ...bare } = schema;
  const example = Array.isArray(examples) ? { example: examples[0] as Json } : {};
  // What has a default may be left out; the plugin calls it required.
  const required = rest["required"] === true && !("default" in bare);
  return { ...rest, required, ...(description ? { description } : {}), ...example, schema: bare };
};

function cleanBody(path: string, method: string, content: Fields): Fields {
  const wanted = FORMS.has(path.replace(/\/$/, "")) ? FORM_TYPE : JSON_TYPE;
  const [first] = Object.values(content);
  const schema = cleanSchema(((content[wanted] ?? first) as Fields)["schema"] as Fields);
  // Where nothing must be in it, it may be missing; but a change of nothing is none.
  const required = method === "patch" || ((schema["required"] as Json[] | undefined) ?? []).length > 0;
  return { required, content: { [wanted]: { schema } } };
}

function cleanResponses(responses: Fields, path: string, method: string): Fields {
  const given = Object.entries(responses).map(([status, response]): [string, Fields] => {
    if (Number(status) >= 400 && status !== "503") return [status, problem(status)];
    const content = (response as Fields)["content"] as Fields | undefined;
    const [first] = Object.values(content ?? {}) as Fields[];
    const schema = first?.["schema"] ? cleanSchema(first["schema"] as Fields) : null;
    const isProblem = schema !== null && "detail" in ((schema["properties"] ?? {}) as Fields);
    if (isProblem) return [status, problem(status)];
    return [
      status,
      { description: REASONS[status] ?? "Done.", ...(schema ? { content: { [JSON_TYPE]: { schema } } } : {}) },
    ];
  });
  const all = new Map(given);
  if (![...all.keys()].some((status) => status.startsWith("2") || status.startsWith("3"))) {
    all.set(method === "delete" ? "204" : "200", {
      description: REASONS[method === "delete" ? "204" : "200"] ?? "Done.",
    });
  }
  for (const status of edgeStatuses(path, method)) all.set(status, problem(status));
  return Object.fromEntries([...all].toSorted(([a], [b]) => Number(a) - Number(b)));
}

/** What is refused before a route is asked: see `edge.ts` and `limits.ts`. */
function edgeStatuses(path: string, method: string): string[] {
  // A body that nobody asked for is looked at too.
  const ofBody = method === "get" ? [] : ["413", "415"];
  return ["400", ...ofBody, ...(isLimited(method, path) ? ["429"] : [])];
}

const problem = (status: string): Fields => {
  const description = REASONS[status] ?? "Refused.";
  const title = TITLES[Number(status)] ?? "Error";
  const errors = status === "422" ? { errors: [{ pointer: "/email", detail: "Give one e-mail address." }] } : {};
  const example = { type: "about:blank", title, status: Number(status), detail: description, ...errors };
  const schema = { $ref: "#/components/schemas/Problem" };
  return { description, content: { "application/problem+json": { schema, example } } };
};

const PROBLEM: Fields = {
  type: "object",
  description: "RFC 9457 problem details; `detail` is where FastAPI's clients look for it.",
  required: ["type", "title", "status", "detail"],
  properties: {
    type: { type: "string", example: "about:blank" },
    title: { type: "string", example: "Unprocessable Content" },
    status: { type: "integer", example: 422 },
    detail: { type: "string", example: "Give one e-mail address, such as mscott@dm.com." },
    errors: {
      type: "array",
      description: "What to mend, by JSON pointer.",
      items: {
        type: "object",
        required: ["pointer", "detail"],
        properties: { pointer: { type: "string" }, detail: { type: "string" } },
      },
    },
  },
};

/** What TypeBox says and OpenAPI 3.0 (JSON Schema Wright-00) does not have: `const`, `type: null`, `examples`, `$id`. */
function cleanSchema(schema: Fields): Fields {
  const { $id: _id, error: _error, examples, const: constant, anyOf, patternProperties: _p, ...rest } = schema;
  const out: Record<string, Json> = { ...rest };
  if (Array.isArray(examples)) out["example"] ??= examples[0] as Json;
  if (constant !== undefined) Object.assign(out, { enum: [constant], type: typeof constant });
  if (out["items"]) out["items"] = cleanSchema(out["items"] as Fields);
  if (out["properties"]) {
    out["properties"] = Object.fromEntries(
      Object.entries(out["properties"] as Fields).map(([name, inner]) => [name, cleanSchema(inner as Fields)]),
    );
  }
  if (typeof out["additionalProperties"] === "object")
    out["additionalProperties"] = cleanSchema(out["additionalProperties"] as Fields);
  return Array.isArray(anyOf) ? cleanUnion(out, anyOf as readonly Fields[]) : out;
}

function cleanUnion(rest: Fields, members: readonly Fields[]): Fields {
  const nullable = members.some((member) => member["type"] === "null");
  // A number is also taken as text, from a query; the document says number.
  const numeric = members.find((member) => member["type"] === "integer" || member["type"] === "number");
  const real = (numeric ? [numeric] : members.filter((member) => member["type"] !== "null")).map(cleanSchema);
  const marks = { ...rest, ...(nullable ? { nullable: true } : {}) };
  if (real.length !== 1) return { ...marks, anyOf: real };
  const values = real[0]?.["enum"];
  // `nullable` alone does not let null into an enum (OpenAPI 3.0.3, clarification of `nullable`).
  const orNull = nullable && Array.isArray(values) ? { enum: [...(values as Json[]), null] } : {};
  return { ...real[0], ...marks, ...orNull };
}
