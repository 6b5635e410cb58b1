/** One request of the attack: as it is drawn, as it is sent, and as it is told. */
import * as fc from "fast-check";
import type { Operation } from "./document.ts";
import { AUTHORIZATIONS, CONTENT_TYPES, HOSTILE_HEADERS, METHODS, PATH_TURNS } from "./hostile.ts";
import { formOf, jsonBodyOf, textOf, type Temper } from "./inputs.ts";
import { accountOf, fill, refsIn, ref, ROLES, type Ref, type Role } from "./refs.ts";
import type { Wire } from "./wire.ts";

export interface Attack {
  readonly operation: Operation;
  readonly role: Role;
  readonly method: string;
  readonly path: Readonly<Record<string, string>>;
  readonly query: readonly (readonly [string, string])[];
  /** Which of `PATH_TURNS` is done to the target; null: none. */
  readonly turn: number | null;
  /** Null: as the role's. */
  readonly authorization: string | null;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Body | null;
}

interface Body {
  readonly type: string;
  /** A text; a form is encoded when its references are known. */
  readonly content: string | readonly (readonly [string, string])[];
  /** Bytes of Latin-1, which are not UTF-8. */
  readonly latin1: boolean;
  readonly chunked: boolean;
}

/** Requests that the document allows are the most: a refusal at the door shows nothing of what is behind it. */
const TEMPERS = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Temper>("valid") },
  { weight: 3, arbitrary: fc.constant<Temper>("near") },
  { weight: 2, arbitrary: fc.constant<Temper>("hostile") },
);

export function attacksOn(operations: readonly Operation[]): fc.Arbitrary<Attack> {
  return fc.tuple(fc.constantFrom(...operations), TEMPERS, TEMPERS, TEMPERS).chain(([operation, place, body, edge]) =>
    fc.record({
      operation: fc.constant(operation),
      role: fc.constantFrom(...ROLES),
      method: rarely(edge, operation.method, fc.constantFrom(...METHODS)),
      path: pathOf(operation, place),
      query: queryOf(operation, place),
      turn: rarely<number | null>(edge, null, fc.nat(PATH_TURNS.length - 1)),
      authorization: rarely<string | null>(edge, null, fc.constantFrom(...AUTHORIZATIONS)),
      headers: headersOf(operation, edge),
      body: bodyOf(operation, body, edge),
    }),
  );
}

/** Not the usual thing: now and then at a hostile edge. */
const rarely = <T>(edge: Temper, usual: T, other: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  edge === "hostile"
    ? fc.oneof({ weight: 3, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: other })
    : fc.constant(usual);

const pathOf = ({ parameters }: Operation, temper: Temper): fc.Arbitrary<Record<string, string>> =>
  fc.record(
    Object.fromEntries(
      parameters.filter((p) => p.in === "path").map(({ name, schema }) => [name, textOf(name, schema, temper)]),
    ),
  );

function queryOf({ parameters }: Operation, temper: Temper): fc.Arbitrary<(readonly [string, string])[]> {
  const known = parameters
    .filter((parameter) => parameter.in === "query")
    .map(({ name, schema }) => textOf(name, schema, temper).map((value) => [name, value] as const));
  if (known.length === 0) return fc.constant([]);
  return fc.array(fc.oneof(...known), { maxLength: temper === "valid" ? 2 : 4 }).map((entries) =>
    // Twice the same is for those who are not valid.
    temper === "valid" ? [...new Map(entries)] : entries,
  );
}

const hostileHeader = fc
  .constantFrom(...Object.entries(HOSTILE_HEADERS))
  .chain(([name, values]) => fc.constantFrom(...values).map((value) => [name, value] as const));
const condition = fc.constantFrom(
  ["if-match", ref("owner", "etag")] as const,
  ["if-none-match", ref("owner", "etag")] as const,
  ["accept-language", "pt-BR,en;q=0.5"] as const,
);

const headersOf = (_: Operation, edge: Temper): fc.Arbitrary<(readonly [string, string])[]> =>
  edge === "valid" ? fc.constant([]) : fc.array(edge === "near" ? condition : hostileHeader, { maxLength: 3 });

function bodyOf(operation: Operation, temper: Temper, edge: Temper): fc.Arbitrary<Body | null> {
  const documented = operation.body;
  if (!documented) {
    const uncalled = { type: "application/json", content: '{"dept":"management"}', latin1: false, chunked: false };
    return edge === "hostile" ? fc.constantFrom<Body | null>(null, uncalled) : fc.constant(null);
  }
  const { schema, types } = documented;
  const content: fc.Arbitrary<Body["content"]> = types[0]?.includes("json")
    ? jsonBodyOf(schema, temper)
    : fc.oneof(
        { weight: 4, arbitrary: formOf(schema, temper) },
        { weight: temper === "hostile" ? 1 : 0, arbitrary: jsonBodyOf(schema, "hostile") },
      );
  const body = fc.record<Body>({
    type: fc.constantFrom(...types).chain((type) => rarely(edge, type, fc.constantFrom(...CONTENT_TYPES))),
    content,
    latin1: rarely(edge, false, fc.constant(true)),
    chunked: rarely(edge, false, fc.constant(true)),
  });
  return documented.required && temper === "valid" ? body : fc.option(body, { freq: 8 });
}

/** What must be known before it can be sent. */
export const refsOf = (attack: Attack): Ref[] => [
  ...refsIn(JSON.stringify([attack.path, attack.query, attack.headers, attack.body]), attack.role),
  ...(accountOf(attack.role) === null ? [] : refsIn(ref("caller", "access"), attack.role)),
];

/** @param valueOf what a reference stands for now. */
export function render(attack: Attack, valueOf: (ref: Ref) => string): Wire {
  const filled = (text: string) => fill(text, attack.role, valueOf);
  const { content = null } = attack.body ?? {};
  const multipart = /^multipart\/form-data$/i.test(attack.body?.type ?? "");
  const written = multipart ? multipartOf : encoded;
  const text = content === null ? null : typeof content === "string" ? filled(content) : written(content, filled);
  const token = accountOf(attack.role) === null ? null : filled(ref("caller", "access"));
  const authorization =
    attack.authorization === null
      ? token === null
        ? []
        : [["authorization", `Bearer ${token}`] as const]
      : [["authorization", attack.authorization.replaceAll("$", token ?? "none")] as const];
  const headers = attack.headers.map(([name, value]) => [name, filled(value)] as const);
  return {
    method: attack.method,
    target: targetOf(attack, filled),
    headers: [
      ...(headers.some(([name]) => name === "host") ? [] : [["host", "localhost"] as const]),
      ...authorization,
      ...(attack.body
        ? [["content-type", multipart ? `multipart/form-data; boundary=${BOUNDARY}` : attack.body.type] as const]
        : []),
      ...headers,
    ],
    body: text === null ? null : Buffer.from(text, attack.body?.latin1 ? "latin1" : "utf8"),
    chunked: attack.body?.chunked ?? false,
  };
}

function targetOf({ operation, path, query, turn }: Attack, filled: (text: string) => string): string {
  const target = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => percent(filled(path[name] ?? "")));
  const turned = turn === null ? target : (PATH_TURNS[turn]?.(target) ?? target);
  if (query.length === 0) return turned;
  const words = query.map(([name, value]) => `${percent(name)}=${percent(filled(value))}`).join("&");
  return `${turned}${turned.includes("?") ? "&" : "?"}${words}`;
}

const encoded = (fields: readonly (readonly [string, string])[], filled: (text: string) => string): string =>
  fields.map(([name, value]) => `${percent(name)}=${percent(filled(value))}`).join("&");

const BOUNDARY = "boundary-of-the-attack";

const multipartOf = (fields: readonly (readonly [string, string])[], filled: (text: string) => string): string =>
  [
    ...fields.map(
      ([name, value]) =>
        `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${percent(name)}"\r\n\r\n${filled(value)}\r\n`,
    ),
    `--${BOUNDARY}--\r\n`,
  ].join("");

/** Halves of surrogate pairs too, as three bytes, which `encodeURIComponent` refuses to write. */
const percent = (text: string): string =>
  [...text]
    .map((character) => {
      const code = character.codePointAt(0) ?? 0;
      if (code < 0xd800 || code > 0xdfff) return encodeURIComponent(character);
      return [0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)]
        .map((byte) => `%${byte.toString(16)}`)
        .join("");
    })
    .join("");

/** As a shell would take it, near enough to be read and repeated. */
export function curlOf({ method, target, headers, body }: Wire, base: string): string {
  const quote = (text: string) =>
    `$'${JSON.stringify(text).slice(1, -1).replaceAll("'", "\\'").replaceAll('\\"', '"')}'`;
  const cut = (text: string) => (text.length > 2_000 ? `${text.slice(0, 2_000)}… (${text.length} characters)` : text);
  return [
    `curl -X ${method} --path-as-is ${quote(cut(base + target))}`,
    ...headers.map(([name, value]) => `-H ${quote(cut(`${name}: ${value}`))}`),
    ...(body ? [`--data-binary ${quote(cut(Buffer.from(body).toString("utf8")))}`] : []),
  ].join(" ");
}
