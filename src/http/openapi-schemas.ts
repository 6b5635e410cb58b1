/**
 * JSON Schema as TypeBox writes it -> Schema Objects of OpenAPI 3.0.3, which has no `const`, `type: null`, `examples` or
 * `$id`. A schema with a `title` becomes a named one under `components/schemas`.
 */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type Fields = Readonly<Record<string, Json>>;

/** A title that is a name, such as `User`. */
const NAME = /^[A-Z][A-Za-z]*$/;

export class SchemaCleaner {
  /** The named schemas that were met. */
  readonly named = new Map<string, Fields>();

  clean(schema: Fields): Fields {
    const { title, ...unnamed } = schema;
    if (typeof title !== "string" || !NAME.test(title)) return this.#cleanInner(schema);
    if (!this.named.has(title)) this.named.set(title, this.#cleanInner(unnamed));
    return { $ref: `#/components/schemas/${title}` };
  }

  /** Follows a reference to a named schema. */
  resolve(schema: Fields): Fields {
    const name = typeof schema["$ref"] === "string" ? (schema["$ref"].split("/").at(-1) ?? "") : "";
    return this.named.get(name) ?? schema;
  }

  #cleanInner(schema: Fields): Fields {
    const { $id: _id, error: _error, examples, const: constant, anyOf, patternProperties: _p, ...rest } = schema;
    const out: Record<string, Json> = { ...rest };
    if (Array.isArray(examples)) out["example"] ??= examples[0] as Json;
    if (constant !== undefined) Object.assign(out, { enum: [constant], type: typeof constant });
    if (out["items"]) out["items"] = this.clean(out["items"] as Fields);
    if (out["properties"]) {
      out["properties"] = Object.fromEntries(
        Object.entries(out["properties"] as Fields).map(([name, inner]) => [name, this.clean(inner as Fields)]),
      );
    }
    if (typeof out["additionalProperties"] === "object")
      out["additionalProperties"] = this.clean(out["additionalProperties"] as Fields);
    return Array.isArray(anyOf) ? this.#cleanUnion(out, anyOf as readonly Fields[]) : out;
  }

  #cleanUnion(rest: Fields, members: readonly Fields[]): Fields {
    const nullable = members.some((member) => member["type"] === "null");
    // Elysia takes a number of a query as text too; the document says number.
    const numeric = members.find((member) => member["type"] === "integer" || member["type"] === "number");
    const real = (numeric ? [numeric] : members.filter((member) => member["type"] !== "null")).map((one) =>
      this.clean(one),
    );
    const marks = { ...rest, ...(nullable ? { nullable: true } : {}) };
    const [only = {}] = real;
    if (real.length !== 1) return { ...marks, anyOf: real };
    // What stands beside a `$ref` is ignored (OpenAPI 3.0.3, Reference Object).
    if ("$ref" in only) return { type: "object", ...marks, allOf: [only] };
    const values = only["enum"];
    // `nullable` alone does not let null into an enum (OpenAPI 3.0.3, clarification of `nullable`).
    const orNull = nullable && Array.isArray(values) ? { enum: [...(values as Json[]), null] } : {};
    return { ...only, ...marks, ...orNull };
  }
}
