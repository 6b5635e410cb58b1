import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cleanDocument } from "../src/http/openapi.ts";
import { startApi, type TestApi } from "./support/api.ts";

interface Schema {
  readonly type?: string;
  readonly $ref?: string;
  readonly example?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
}

interface Operation {
  readonly operationId: string;
  readonly summary?: string;
  readonly tags: readonly string[];
  readonly security: readonly Record<string, readonly string[]>[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly example?: unknown }[];
}

let api: TestApi;
let schemas: Readonly<Record<string, Schema>>;
let operations: { path: string; method: string; operation: Operation }[];
beforeAll(async () => {
  api = await startApi();
  const { body } = await api.call("GET", "/openapi.json");
  schemas = body.components.schemas;
  operations = Object.entries(body.paths as Record<string, Record<string, Operation>>).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  );
});
afterAll(async () => {
  await api[Symbol.asyncDispose]();
});

const resolved = (schema: Schema): Schema => (schema.$ref ? schemas[schema.$ref.split("/").at(-1) ?? ""]! : schema);

const bodyOf = ({ requestBody }: Operation) =>
  "application/json" in (requestBody?.content ?? {}) ? { json: {} } : { form: { token: "x" } };

const filledPath = (path: string, { parameters = [] }: Operation): string =>
  parameters
    .filter((parameter) => parameter.in === "path")
    .reduce((filled, { name, example }) => filled.replace(`{${name}}`, String(example)), path);

/** The body as Swagger UI makes it. */
function exampleOf({ requestBody }: Operation) {
  const [type, media] = Object.entries(requestBody?.content ?? {})[0] ?? [];
  if (!media) return {};
  const { example, properties = {} } = resolved(media.schema);
  const fields = Object.entries(properties).map(([name, one]) => [name, one.example ?? "string"]);
  const body = example ?? Object.fromEntries(fields);
  return type === "application/json" ? { json: body } : { form: body as Record<string, string> };
}

describe("the document", () => {
  test("names, sums up and groups every operation", () => {
    expect(operations.length).toBeGreaterThan(30);
    expect(operations.filter(({ operation }) => !operation.summary || operation.tags.length !== 1)).toEqual([]);
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("describes every group, and has no group that is empty", async () => {
    const { body } = await api.call("GET", "/openapi.json");
    const described = (body.tags as { name: string }[]).map(({ name }) => name);
    expect(new Set(operations.flatMap(({ operation }) => operation.tags))).toEqual(new Set(described));
  });

  // As "Try it out" sends them, logged in as a superuser of the demo staff, from top to bottom.
  test.each([
    ["post", "/user/pwd_reset_token/", 200],
    ["get", "/user/me", 200],
    ["get", "/user/me/events", 200],
    ["get", "/user/me/message/", 200],
    ["get", "/user/", 200],
    ["post", "/user/", 201],
    ["get", "/user/{username}/", 200],
    ["patch", "/user/{username}/", 200],
    ["post", "/user/{username}/password/", 200],
    ["post", "/user/{username}/disable/", 200],
    ["post", "/user/{username}/enable/", 200],
    ["delete", "/user/{username}/", 204],
    ["get", "/message/", 200],
    ["get", "/message/stats", 200],
    ["post", "/message/pause/", 200],
    ["post", "/message/resume/", 200],
    ["post", "/message/suppress/", 200],
    ["get", "/message/suppressed/", 200],
    ["post", "/message/lift/", 200],
    ["get", "/audit/", 200],
    ["get", "/session/", 200],
    ["post", "/introspect", 200],
    ["post", "/revoke", 200],
    ["get", "/health", 200],
    ["get", "/health/live", 200],
    ["get", "/health/ready", 200],
    // What only a mail or a login can tell is left for the newcomer to fill in, and refused as such.
    ["post", "/token", 401],
    ["post", "/user/password/", 403],
    ["post", "/email/confirm/", 403],
  ])("its example of %s %s is answered with %d", async (method, path, status) => {
    const { operation } = operations.find((one) => one.method === method && one.path === path)!;
    const { access_token: token } = await api.logIn("mscott@dm.com");
    const answer = await api.call(method.toUpperCase(), filledPath(path, operation), {
      token,
      ...exampleOf(operation),
    });
    expect([answer.status, answer.body.detail]).toEqual([status, status < 400 ? undefined : expect.any(String)]);
  });

  test("says of a body what the route takes: forms for the OAuth calls, JSON for the rest", () => {
    const forms = operations.filter(
      ({ operation }) => "application/x-www-form-urlencoded" in (operation.requestBody?.content ?? {}),
    );
    expect(forms.map(({ path }) => path).toSorted()).toEqual(["/introspect", "/revoke", "/token"]);
  });

  test("R57 offers both ways to log in exactly where one must be", async () => {
    for (const { path, method, operation } of operations.filter(({ operation: o }) => o.security.length > 0)) {
      expect(operation.security[0]).toEqual({ login: [] });
      if (operation.security.some((one) => Object.keys(one).length === 0)) continue;
      const { status } = await api.call(method.toUpperCase(), path.replace(/\{\w+\}/g, "michael-scott"), {
        ...(operation.requestBody ? bodyOf(operation) : {}),
      });
      expect(`${method} ${path} ${status}`).toBe(`${method} ${path} 401`);
    }
  });

  test("lists nothing that is not there", async () => {
    const open = operations.filter(
      ({ path, method, operation }) => method === "get" && !path.includes("{") && operation.security.length === 0,
    );
    for (const { path } of open) expect((await api.call("GET", path)).status).toBe(200);
  });

  test("says what is refused before a route is asked, and what may be left out", async () => {
    const { paths } = (await api.call("GET", "/openapi.json")).body;
    const login = paths["/token"].post;
    expect(Object.keys(login.responses)).toEqual(["200", "400", "401", "403", "413", "415", "422", "429", "503"]);
    expect(Object.keys(paths["/health"].get.responses)).toEqual(["200", "400", "503"]);
    expect(login.requestBody.required).toBe(true);
    expect(paths["/user/{username}/"].delete.requestBody.required).toBe(false);
    expect(paths["/user/{username}/"].patch.requestBody.required).toBe(true);
    const parameters = paths["/user/"].get.parameters as { name: string; required: boolean }[];
    expect(parameters.filter(({ required }) => required)).toEqual([]);
    const { locale } = resolved(paths["/user/me"].get.responses["200"].content["application/json"].schema).properties!;
    expect(locale).toMatchObject({ nullable: true, enum: ["en", "pt-BR", null] });
  });

  test("cleaning leaves no word that OpenAPI 3.0 does not have", async () => {
    const { body } = await api.call("GET", "/openapi.json");
    const text = JSON.stringify(body);
    for (const word of ['"const":', '"$id":', '"type":"null"', '"examples":[']) expect(text).not.toContain(word);
    const twice = cleanDocument({ paths: { "/x/": { get: { operationId: "getX", responses: {} } } } }, "1", {
      publicUrl: "http://localhost:8000",
      demoPassword: null,
      metrics: NO_METRICS,
    });
    expect(twice["paths"]).toEqual({
      "/x/": { get: expect.objectContaining({ operationId: "getX", tags: ["Operations"], security: [] }) },
    });
  });
});

const NO_METRICS = { token: null, port: null, host: "127.0.0.1", counted: false };

test("the document says what the configuration says, and names no demo account where there is none", async () => {
  await using other = await startApi({ PASSWORD_MIN_LENGTH: "9", PUBLIC_URL: "https://host.example/auth" });
  const production = JSON.stringify((await other.call("GET", "/openapi.json")).body);
  expect(production).toContain("at least 9 characters");
  expect(production.match(/at least 12|mscott|@dm.com|demo|bun start/i)).toBeNull();
  // REGISTRATION is off.
  expect(production).not.toContain("/register/");
  const { body } = await api.call("GET", "/openapi.json");
  expect(JSON.stringify(body)).toContain("at least 12 characters");
  const demo = cleanDocument({ paths: {} }, "1", {
    publicUrl: "http://localhost:8000",
    demoPassword: "x",
    metrics: NO_METRICS,
  });
  expect(JSON.stringify(demo)).toContain("mscott@dm.com");
});

test("an operation is named by a verb and what it is about, and a resource by one schema", async () => {
  const { body } = await api.call("GET", "/openapi.json");
  for (const { operation } of operations) {
    expect(operation.operationId).toMatch(
      /^(list|get|create|update|delete|log|refresh|revoke|introspect|end|request|reset|change|confirm|freeze|preview|retry|cancel|pause|resume|suppress|lift|disable|enable|check|complete|export|register)([A-Z][A-Za-z]*)?$/,
    );
  }
  for (const name of ["User", "Account", "Tokens", "Session", "Message", "MessageDetails", "AuditEvent", "Problem"]) {
    expect(Object.keys(body.components.schemas)).toContain(name);
  }
  const of = (path: string, method: string, status: string) =>
    body.paths[path][method].responses[status].content["application/json"].schema;
  const user = { $ref: "#/components/schemas/User" };
  expect(of("/user/{username}/", "get", "200")).toEqual(user);
  expect(of("/user/", "get", "200")).toEqual({ type: "array", items: user });
  expect(of("/user/", "post", "201")).toEqual(user);
  expect(of("/token", "post", "200")).toEqual({ $ref: "#/components/schemas/Tokens" });
  // Nothing is said twice: no answer describes a problem in place.
  expect(JSON.stringify(body.paths)).not.toContain("What clients branch on.");
});

test("the headers of answers are documented, and sent", async () => {
  const { body } = await api.call("GET", "/openapi.json");
  const headersOf = (path: string, method: string, status: string) =>
    Object.keys(body.paths[path][method].responses[status].headers).toSorted();
  expect(headersOf("/user/", "get", "200")).toEqual(["link", "ratelimit", "ratelimit-policy", "x-request-id"]);
  expect(headersOf("/user/", "post", "201")).toEqual(["location", "x-request-id"]);
  expect(headersOf("/user/{username}/", "get", "304")).toContain("etag");
  expect(headersOf("/token", "post", "401")).toEqual(["www-authenticate", "x-request-id"]);
  expect(headersOf("/token", "post", "429")).toEqual(["retry-after", "x-request-id"]);
});

test("R57 /docs loads nothing from anybody else, and runs no inline script", async () => {
  const page = await api.call("GET", "/docs");
  expect(page.status).toBe(200);
  expect(page.headers.get("content-security-policy")).toContain("script-src 'self';");
  expect(page.body).not.toMatch(/https?:\/\/(?!www\.w3\.org)/);
  expect(page.body).not.toMatch(/(?:src|href)="(?!\.\/|data:)/);
});
