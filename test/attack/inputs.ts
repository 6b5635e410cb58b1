/** Inputs for a schema of the OpenAPI document: valid ones, nearly valid ones, and hostile ones. */
import * as fc from "fast-check";
import type { Schema } from "./document.ts";
import { BROKEN_BODIES, HOSTILE_JSON, HOSTILE_KEYS, HOSTILE_TEXTS } from "./hostile.ts";
import { ref, type AccountName, type Possession } from "./refs.ts";

/** How far an input is from a valid one. */
export type Temper = "valid" | "near" | "hostile";

/** The password that is set by a link. */
const NEW_PASSWORDS = ["the fog over a harbour", "três tristes tigres à mesa", "日本の夜の海は暗い、とても静か"];

const own = (what: Possession) => fc.constant(ref("caller", what));
const anyones = (what: Possession) =>
  fc.constantFrom<AccountName>("owner", "owner", "other", "boss").map((account) => ref(account, what));
const fresh = (make: (number: number) => string) => fc.integer({ min: 1, max: 1_000_000 }).map(make);

/** Good values for texts by the name of their field, where the schema does not say enough. */
const MEANINGS: Readonly<Record<string, fc.Arbitrary<string>>> = {
  username: fc.oneof(
    { weight: 5, arbitrary: anyones("username") },
    { weight: 1, arbitrary: anyones("invited") },
    { weight: 1, arbitrary: anyones("email") },
    { weight: 2, arbitrary: fresh((n) => `person-${n}`) },
  ),
  email: fc.oneof(
    anyones("email"),
    fresh((n) => `person${n}@example.com`),
    fc.constant("mscott@dm.com"),
  ),
  name: fc.oneof(
    fresh((n) => `Some Body ${n}`),
    fc.constantFrom("Žofie Nová", "O'Brien, Miles", "李 雷", "ﾊﾅｺ 2"),
  ),
  dept: fc.constantFrom("sales", "reception", "management", "R&D"),
  csv: fresh((n) => `name,email,dept\nSome Body ${n},csv${n}@example.com,sales\nBad,not an address,management\n`),
  search: fc.constantFrom("owner", "example.org", "%", ""),
  avatar: fc.constantFrom("https://example.com/a.png", "HTTP://10.0.0.1:8080"),
  bio: fc.oneof(fc.string({ unit: "grapheme", maxLength: 40 }), fc.constant("Two\nlines.")),
  currency: fc.constantFrom("USD", "BRL"),
  password: fc.oneof(own("password"), anyones("password"), fc.constantFrom(...NEW_PASSWORDS)),
  password_confirm: fc.constantFrom(...NEW_PASSWORDS),
  current_password: fc.oneof({ weight: 4, arbitrary: own("password") }, { weight: 1, arbitrary: anyones("password") }),
  refresh_token: fc.oneof(own("refresh"), anyones("refresh")),
  pwd_reset_token: anyones("reset"),
  token: fc
    .tuple(
      fc.constantFrom<AccountName>("owner", "other", "boss"),
      fc.constantFrom<Possession>("registration", "verify", "change", "freeze", "access", "refresh", "reset"),
    )
    .map(([account, what]) => ref(account, what)),
  id: fc.oneof(own("session"), anyones("message"), anyones("cancelled"), anyones("session")),
  after: fc.oneof(anyones("message"), anyones("event"), anyones("username")),
  recipient: anyones("email"),
  reason: fc.constantFrom("rejected", "no_account"),
  since: fc.date({ min: new Date(0), max: new Date("2100-01-01"), noInvalidDate: true }).map((d) => d.toISOString()),
  until: fc.date({ min: new Date(0), max: new Date("2100-01-01"), noInvalidDate: true }).map((d) => d.toISOString()),
  grant_type: fc.constantFrom("password", "password", "", "client_credentials"),
  token_type_hint: fc.constantFrom("access_token", "refresh_token", "x"),
};
for (const twin of ["subject", "actor"]) Object.assign(MEANINGS, { [twin]: anyones("username") });

const hostileText = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...HOSTILE_TEXTS) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 80 }) },
  { weight: 1, arbitrary: fc.string({ unit: "binary-ascii", maxLength: 80 }) },
);

/** Values for accounts that are made by the request, because existing values are taken. */
const MEANINGS_IN_JSON = {
  ...MEANINGS,
  username: fc.oneof(
    { weight: 4, arbitrary: fresh((n) => `person-${n}`) },
    { weight: 1, arbitrary: anyones("username") },
  ),
};

/** A text for a path, a query or a form. */
export function textOf(name: string, schema: Schema, temper: Temper): fc.Arbitrary<string> {
  const valid = validOf(name, schema).map((value) => (typeof value === "string" ? value : JSON.stringify(value)));
  if (temper === "valid") return valid;
  return temper === "hostile" ? fc.oneof(hostileText, jsonOf) : fc.oneof(valid, fc.tuple(valid, twist).map(twisted));
}

/** The value of a JSON field as JSON text, which can hold what no JavaScript value can, such as a duplicate key. */
export function jsonTextOf(name: string, schema: Schema, temper: Temper): fc.Arbitrary<string> {
  const valid = validOf(name, schema, MEANINGS_IN_JSON);
  const asText = valid.map((value) => JSON.stringify(value));
  if (temper === "valid") return asText;
  if (temper === "hostile")
    return fc.oneof(
      jsonOf,
      hostileText.map((text) => JSON.stringify(text)),
    );
  return fc.oneof(
    { weight: 2, arbitrary: asText },
    { weight: 4, arbitrary: fc.tuple(valid.map(String), twist).map((pair) => JSON.stringify(twisted(pair))) },
    // The right value in the wrong place.
    { weight: 1, arbitrary: asText.map((text) => `[${text}]`) },
    { weight: 1, arbitrary: asText.map((text) => `{"value":${text}}`) },
    { weight: 1, arbitrary: jsonOf },
  );
}

const jsonOf = fc.constantFrom(...HOSTILE_JSON);

function validOf(name: string, schema: Schema, meanings = MEANINGS): fc.Arbitrary<unknown> {
  const meant = meanings[name];
  const value: fc.Arbitrary<unknown> = schema.enum
    ? fc.constantFrom(...schema.enum)
    : schema.type === "integer"
      ? fc.integer({ min: schema.minimum ?? 0, max: Math.min(schema.maximum ?? 100, 100) })
      : (meant ?? fc.string({ minLength: schema.minLength ?? 0, maxLength: schema.maxLength ?? 20 }));
  return schema.nullable
    ? fc.oneof({ weight: 4, arbitrary: value }, { weight: 1, arbitrary: fc.constant(null) })
    : value;
}

/** Small changes that make a valid text invalid. */
const TWISTS: Readonly<Record<string, (text: string) => string>> = {
  upper: (text) => text.toUpperCase(),
  blank: (text) => ` ${text}`,
  blankAfter: (text) => `${text} `,
  noBreakSpace: (text) => `${text}\u00a0`,
  glued: (text) => `${text}).`,
  lineBreak: (text) => `${text}\n`,
  nul: (text) => `${text}\u0000`,
  half: (text) => `${text}\ud83e`,
  turned: (text) => `\u202e${text}`,
  twice: (text) => `${text},${text}`,
  shorter: (text) => text.slice(0, -1),
  longer: (text) => `${text}x`,
  muchLonger: (text) => text.padEnd(1_025, "x"),
  fullWidth: (text) => text.replace(/[a-z]/, (letter) => String.fromCharCode(letter.charCodeAt(0) + 0xfee0)),
  quoted: (text) => `"${text}"`,
  headers: (text) => `${text}\r\nBcc: eve@example.com`,
  percent: (text) => encodeURIComponent(text),
  nothing: () => "",
};
const twist = fc.constantFrom(...Object.keys(TWISTS));
// The name of a reference stays, so that the value that it stands for is changed instead.
const twisted = ([text, how]: readonly [string, string]): string =>
  text.startsWith("«") && /^(upper|shorter|fullWidth|percent)$/.test(how) ? `${text}x` : (TWISTS[how]?.(text) ?? text);

/** A JSON text for a body of this schema. */
export function jsonBodyOf(schema: Schema, temper: Temper): fc.Arbitrary<string> {
  const fields = fieldsOf(schema, temper, jsonTextOf);
  const written = fields.map((entries) => `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${v}`).join(",")}}`);
  if (temper !== "hostile") return written;
  return fc.oneof(
    { weight: 4, arbitrary: written },
    { weight: 1, arbitrary: fc.constantFrom(...BROKEN_BODIES) },
    { weight: 1, arbitrary: written.map((text) => text.slice(0, -1)) },
    { weight: 1, arbitrary: jsonOf },
  );
}

/** A form for a body of this schema: names and values, not yet encoded. */
export const formOf = (schema: Schema, temper: Temper): fc.Arbitrary<[string, string][]> =>
  fieldsOf(schema, temper, textOf);

/**
 * Valid: the required fields and some optional ones. Near: one field is wrong, added, missing or repeated. Hostile: any
 * field may be hostile.
 */
function fieldsOf(
  schema: Schema,
  temper: Temper,
  make: (name: string, schema: Schema, temper: Temper) => fc.Arbitrary<string>,
): fc.Arbitrary<[string, string][]> {
  const properties = Object.entries(schema.properties ?? {});
  const required = new Set(schema.required);
  const good = fc
    .tuple(
      ...properties.map(([name, one]) => {
        const entry = make(name, one, "valid").map((value): [string, string][] => [[name, value]]);
        return required.has(name) ? entry : fc.oneof(entry, fc.constant<[string, string][]>([]));
      }),
    )
    .map((entries) => confirmed(entries.flat()));
  if (temper === "valid" || properties.length === 0) return good;
  const spoilt = fc
    .constantFrom(...properties)
    .chain(([name, one]) => make(name, one, temper).map((value): [string, string] => [name, value]));
  const unknown = fc
    .constantFrom(...HOSTILE_KEYS)
    .map((name): [string, string] => [name, make === textOf ? "1" : '"1"']);
  const replace = fc
    .tuple(good, spoilt)
    .map(([entries, [name, value]]): [string, string][] => [...entries.filter(([k]) => k !== name), [name, value]]);
  const near = fc.oneof(
    { weight: 6, arbitrary: replace },
    { weight: 1, arbitrary: fc.tuple(good, unknown).map(([entries, extra]) => [...entries, extra]) },
    { weight: 1, arbitrary: fc.tuple(good, spoilt).map(([entries, extra]) => [extra, ...entries]) },
    { weight: 1, arbitrary: good.map((entries) => entries.slice(1)) },
  );
  if (temper === "near") return near;
  const all = fc.tuple(
    ...properties.map(([name, one]) => make(name, one, "hostile").map((v): [string, string] => [name, v])),
  );
  return fc.oneof({ weight: 3, arbitrary: near }, { weight: 1, arbitrary: all });
}

/** The second password is the first one. */
const confirmed = (entries: [string, string][]): [string, string][] => {
  const password = entries.find(([name]) => name === "password")?.[1];
  return password === undefined
    ? entries
    : entries.map(([name, value]) => [name, name === "password_confirm" ? password : value]);
};
