import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cleanDocument } from "../src/http/openapi.ts";
import { startApi, type TestApi } from "./support/api.ts";

interface Operation {
  readonly operationId: string;
  readonly summary?: string;
  readonly tags: readonly string[];
  readonly security: readonly Record<string, readonly string[]>[];
  readonly requestBody?: { readonly content: Record<string, unknown> };
  readonly parameters?: readonly { readonly in: string; readonly required?: boolean }[];
}

let api: TestApi;
let operations: { path: string; method: string; operation: Operation }[];
beforeAll(async () => {
  api = await startApi();
  const { body } = await api.call("GET", "/openapi.json");
  operations = Object.entries(body.paths as Record<string, Record<string, Operation>>).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  );
});
afterAll(async () => {
  await api[Symbol.asyncDispose]();
});

const bodyOf = ({ requestBody }: Operation) =>
  "application/json" in (requestBody?.content ?? {}) ? { json: {} } : { form: { token: "x" } };

describe("the document", () => {
  test("names, sums up and groups every operation", () => {
    expect(operations.length).toBeGreaterThan(30);
    expect(operations.filter(({ operation }) => !operation.summary || operation.tags.length !== 1)).toEqual([]);
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
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

  test("cleaning leaves no word that OpenAPI 3.0 does not have", async () => {
    const { body } = await api.call("GET", "/openapi.json");
    const text = JSON.stringify(body);
    for (const word of ['"const":', '"$id":', '"type":"null"', '"examples":[']) expect(text).not.toContain(word);
    const twice = cleanDocument({ paths: { "/x/": { get: { responses: {} } } } }, "1");
    expect(twice["paths"]).toEqual({
      "/x/": { get: expect.objectContaining({ operationId: "getX", tags: ["Operations"], security: [] }) },
    });
  });
});

test("R57 /docs loads nothing from anybody else, and runs no inline script", async () => {
  const page = await api.call("GET", "/docs");
  expect(page.status).toBe(200);
  expect(page.headers.get("content-security-policy")).toContain("script-src 'self';");
  expect(page.body).not.toMatch(/https?:\/\//);
  const files = [...(page.body as string).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path ?? "");
  for (const file of files) expect((await api.call("GET", file)).status).toBe(200);
  expect((await api.call("GET", "/docs/..%2f..%2fpackage.json")).status).toBe(404);
});
