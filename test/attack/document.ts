/** What the app says of itself in `/openapi.json`: the operations to attack, and how each answer must look. */
import { Ajv, type ValidateFunction } from "ajv";
import type { RouteFacts } from "../../src/http/operation.ts";

/** JSON Schema, as far as the document uses it; OpenAPI 3.0's `nullable` included. */
export interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly nullable?: boolean;
  readonly example?: unknown;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly $ref?: string;
}

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query";
  readonly required: boolean;
  readonly schema: Schema;
}

export interface Operation {
  readonly id: string;
  readonly method: string;
  /** With its parameters in braces. */
  readonly path: string;
  readonly parameters: readonly Parameter[];
  readonly body: { readonly types: readonly string[]; readonly schema: Schema; readonly required: boolean } | null;
  /** What the route says of itself. */
  readonly facts: RouteFacts;
  /** An access token is needed, or may be sent. */
  readonly locked: boolean;
  readonly answers: ReadonlyMap<number, DocumentedAnswer>;
}

interface DocumentedAnswer {
  /** Null: it has no body. */
  readonly contentType: string | null;
  /** @returns what is wrong with the body; null when nothing is. */
  readonly check: (body: unknown) => string | null;
}

interface RawDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, RawOperation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

interface RawOperation {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required?: boolean; readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
  readonly security: readonly unknown[];
}

type Content = Readonly<Record<string, { readonly schema: Schema }>>;

/** @param facts by method and path, as the app mounts it. */
export function readDocument(document: RawDocument, facts: ReadonlyMap<string, RouteFacts>): Operation[] {
  const named = document.components.schemas;
  const compile = compiler(named);
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, raw]) => ({
      id: raw.operationId,
      method: method.toUpperCase(),
      path,
      facts: facts.get(`${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ":$1")}`)!,
      parameters: raw.parameters ?? [],
      body: bodyOf(raw, named),
      locked: raw.security.length > 0,
      answers: new Map(
        Object.entries(raw.responses).map(([status, { content }]) => [Number(status), answerOf(content, compile)]),
      ),
    })),
  );
}

function bodyOf({ requestBody }: RawOperation, named: Named): Operation["body"] {
  const content = Object.entries(requestBody?.content ?? {});
  const [entry] = content;
  if (!entry) return null;
  const types = content.map(([type]) => type);
  return { types, schema: resolved(entry[1].schema, named), required: requestBody?.required ?? false };
}

function answerOf(content: Content | undefined, compile: (schema: Schema) => ValidateFunction): DocumentedAnswer {
  const [entry] = Object.entries(content ?? {});
  if (!entry) return { contentType: null, check: (body) => (body === "" ? null : "a body, where none is documented") };
  const validate = compile(entry[1].schema);
  const check = (body: unknown) =>
    validate(body) ? null : (validate.errors ?? []).map((e) => `${e.instancePath} ${e.message}`).join("; ");
  return { contentType: entry[0], check };
}

type Named = Readonly<Record<string, Schema>>;

const resolved = ({ $ref, ...schema }: Schema, named: Named): Schema =>
  $ref === undefined ? schema : (named[$ref.split("/").at(-1) ?? ""] ?? {});

function compiler(named: Named): (schema: Schema) => ValidateFunction {
  const ajv = new Ajv({
    allErrors: true,
    // As Elysia compiles them: the document's patterns write surrogates by their halves.
    unicodeRegExp: false,
    // What documents for people have beside.
    keywords: ["example"],
    formats: {
      "date-time": /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/,
      uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
    },
  });
  return (schema) => ajv.compile(asJsonSchema(schema, named));
}

/** OpenAPI 3.0 -> JSON Schema; an answer has the documented fields and no others, so that none slips out unseen (R52). */
function asJsonSchema(schema: Schema, named: Named): object {
  if (schema.$ref !== undefined) return asJsonSchema(resolved(schema, named), named);
  const { nullable, ...rest } = schema;
  const inner = (one: Schema) => asJsonSchema(one, named);
  const plain = {
    ...rest,
    ...(rest.items ? { items: inner(rest.items) } : {}),
    ...(rest.anyOf ? { anyOf: rest.anyOf.map(inner) } : {}),
    ...(rest.allOf ? { allOf: rest.allOf.map(inner) } : {}),
    ...(rest.properties
      ? {
          properties: Object.fromEntries(Object.entries(rest.properties).map(([name, one]) => [name, inner(one)])),
          additionalProperties: false,
        }
      : {}),
    ...(typeof rest.additionalProperties === "object"
      ? { additionalProperties: inner(rest.additionalProperties) }
      : {}),
  };
  return nullable ? { anyOf: [plain, { type: "null" }] } : plain;
}
