/** Every email in every language, compiled and filled as the courier does it. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { contrast, inkOn, shadeOn } from "../emails/contrast.ts";
import { formatBrowser, formatDuration, formatMoment, formatName, formatWay } from "../emails/format.ts";
import { PALETTES } from "../emails/layout.tsx";
import { SAMPLE_BRAND } from "../emails/sample-words.ts";
import { readConfig, type Brand } from "../src/config.ts";
import { isKindName, KINDS, LOCALES, type KindName, type Locale } from "../src/mail/kinds.ts";
import { compileEmail, fillEmail, type CompiledEmail, type Pieces } from "../src/mail/courier/render.ts";
import { createMailers } from "../src/mailers/mailers.ts";

const mailers = createMailers(readConfig({}, null));
const templateOf = (kind: KindName) => mailers.get(kind)!.template;

type Filled = ReturnType<typeof fillEmail>;

const LOGO_BRAND: Brand = { ...SAMPLE_BRAND, logoUrl: "https://cdn.dundie.example/logo.png" };
const emails = Object.keys(KINDS)
  .filter(isKindName)
  .flatMap((kind) => LOCALES.map((locale) => ({ kind, locale })));

/** Changed an email, the layout or React Email? Move `version` in the template, then write down what the test says. */
const AS_SENT: Readonly<Record<KindName, string>> = {
  password_reset: "version 4: ca28a01099fc3a46 5aaf0ff90b6085e1",
  password_changed: "version 4: 32a4be34a530e961 d8ed5c9e52e9d884",
  invitation: "version 5: 28abb9594a8b0bb6 0bece9b125cca071",
  welcome: "version 5: fff0b8704d19a04f 2f041f371bc8e2eb",
  registration: "version 2: 9aae0a0c6050e573 dde0f80cd236fcff",
  email_verification: "version 3: 616a1848581b20d7 862748817b417823",
  email_change_confirmation: "version 4: 8726705b9fdffaf4 6f4f5067a10f5a94",
  email_change_notice: "version 4: 82b340a85cde16c1 49c0b4f966382f06",
  email_changed: "version 1: 1f7d948105b99cee 0bc0a19a55ef3574",
  superuser_changed: "version 2: f64b9b8b1542c665 ba5de1131c41937e",
  registration_duplicate: "version 4: 1b3fccf36098ecdd b9f6ef0f0e62513f",
};

const compile = (kind: KindName, locale: Locale, brand: Brand = SAMPLE_BRAND): Promise<CompiledEmail> =>
  compileEmail(templateOf(kind), locale, brand);

const sampleOf = async (kind: KindName, locale: Locale, brand?: Brand): Promise<Filled> =>
  fillEmail(await compile(kind, locale, brand), templateOf(kind).previewWords(locale));

/** An email whose every word is this one. */
const filledWith = (compiled: CompiledEmail, value: string): Filled =>
  fillEmail(compiled, Object.fromEntries(compiled.fields.map((field) => [field, value])));

describe.each(emails)("the $kind email in $locale", ({ kind, locale }) => {
  const words = templateOf(kind).previewWords(locale);
  const links = Object.values(words).filter((word) => word.startsWith("https://"));

  test("has a subject and two parts, with no word left open", async () => {
    const { subject, html, text } = await sampleOf(kind, locale);
    expect(subject).toMatch(/^\S.{10,70}\S$/);
    expect(html).toContain(`lang="${locale}"`);
    // A registration's email names no one: its address has no account yet.
    const name = "name" in words ? (locale === "en" ? " Pam Beesly" : ", Pam Beesly") : "";
    expect(text).toStartWith(locale === "en" ? `Hello${name},` : `Olá${name}!`);
    for (const part of [subject, html, text]) expect(part).not.toMatch(/[\uE000-\uF8FF]|undefined|\[object|null/);
  });

  test("says each of its words in both parts", async () => {
    const { fields, html, text } = await compile(kind, locale);
    expect(new Set(fields)).toEqual(new Set(Object.keys(words)));
    const places = (pieces: Pieces): Set<number> => new Set(pieces.filter((_, place) => place % 2 === 1).map(Number));
    expect(places(html)).toEqual(new Set(fields.keys()));
    expect(places(text)).toEqual(new Set(fields.keys()));
  });

  test("reads in plain text as if somebody had typed it, the link alone on its line", async () => {
    const { text } = await sampleOf(kind, locale);
    expect(links).toHaveLength(1);
    for (const link of links) {
      expect(text.match(new RegExp(`:\n\n${RegExp.escape(link)}\n\n`, "g"))).toHaveLength(1);
      expect(text.split(link)).toHaveLength(2);
    }
    expect(text).not.toMatch(/\n{3,}|[A-Z]{4,} |---|[^\S\n]\n|\n$/);
    expect(text).toContain("help@dm.com");
  });

  test("links and loads nothing but what it was given", async () => {
    const { html, text } = await sampleOf(kind, locale, LOGO_BRAND);
    const { logoUrl, supportAddress } = LOGO_BRAND;
    expect(new Set(targetsOf(html))).toEqual(new Set([...links, logoUrl ?? "", `mailto:${supportAddress}`]));
    const [, body = ""] = html.split(/^<!DOCTYPE[^>]*>/);
    const mentioned = [...body.matchAll(/(?:https?:|url\(|@import|srcset)[^\s"<)]*/g)].map(([address]) => address);
    expect(new Set(mentioned)).toEqual(new Set([...links, logoUrl ?? ""]));
    expect([...text.matchAll(/https?:\S*/g)].map(([address]) => address)).toEqual(links);
  });

  test("needs no transfer encoding: ASCII in lines that every server takes", async () => {
    const { html } = await sampleOf(kind, locale);
    expect(html).toMatch(/^[\n\x20-\x7e]*$/);
    for (const line of html.split("\n")) expect(line.length).toBeLessThan(400);
  });

  test("is the same email every time", async () => {
    const [first, second] = await Promise.all([sampleOf(kind, locale), sampleOf(kind, locale)]);
    expect(second).toEqual(first);
  });

  test("R59 takes words as words: no markup, no second line, no turned text", async () => {
    const hostile = `<b>"Pam"</b>\r\nBcc: e@evil.example\u0000 & 'co'\u202E\u2066\u200F\u061C\u2028x \uE0000\uE001 $& \ud800`;
    const plain = `<b>"Pam"</b> Bcc: e@evil.example  & 'co' x 0 $& \ufffd`;
    const filled = filledWith(await compile(kind, locale), hostile);
    expect(filled.subject).not.toMatch(/[\r\n]/);
    expect(filled.text).toContain(plain);
    // oxlint-disable-next-line no-control-regex
    expect(filled.text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/);
    expect(filled.html).not.toContain("<b>");
    expect(filled.html).toContain(
      "&lt;b&gt;&quot;Pam&quot;&lt;/b&gt; Bcc: e@evil.example  &amp; &#x27;co&#x27; x 0 $&amp; &#65533;",
    );
    expect(filled.html).not.toMatch(/&#(?:0|1564|820[67]|823[4-8]|829[4-7]);/);
  });

  test("R59 keeps its structure whatever the words are", async () => {
    const compiled = await compile(kind, locale);
    const sample = fillEmail(compiled, words);
    const structure = structureOf(sample.html);
    const lines = sample.text.split("\n").length;
    fc.assert(
      fc.property(fc.array(anyWord, { minLength: compiled.fields.length }), (values) => {
        const filled = fillEmail(compiled, Object.fromEntries(compiled.fields.map((f, i) => [f, values[i]!])));
        expect(structureOf(filled.html)).toEqual(structure);
        expect(filled.html).toMatch(/^[\n\x20-\x7e]*$/);
        expect(filled.text.split(/\r\n|[\n\r\u2028\u2029]/).length).toBe(lines);
        expect(filled.subject).toBe(sample.subject);
      }),
      { numRuns: 40 },
    );
  });
});

test.each(Object.keys(KINDS).filter(isKindName))("the %s email changes only with its version", async (kind) => {
  const digests = await Promise.all(LOCALES.map(async (locale) => digestOf(await compile(kind, locale))));
  // After an unknown outcome the same email is sent again; "the same" is what the version says.
  expect(`version ${templateOf(kind).version}: ${digests.join(" ")}`).toBe(AS_SENT[kind]);
});

describe("fillEmail()", () => {
  test("refuses an email that lacks a word", async () => {
    const { fields, ...parts } = await compile("invitation", "en");
    for (const missing of fields) {
      const values = { ...templateOf("invitation").previewWords("en") };
      delete values[missing];
      expect(() => fillEmail({ fields, ...parts }, values)).toThrow(`The email's field ${missing} has no value.`);
    }
  });

  test("does not fill what a word brings in", async () => {
    const compiled = await compile("password_reset", "en");
    const values = { ...templateOf("password_reset").previewWords("en"), name: "\uE0001\uE001 \uE000link\uE001" };
    expect(fillEmail(compiled, values).text).toStartWith("Hello 1 link,");
  });

  test("keeps a link as it is, in the button, under it and in the text", async () => {
    const link = "https://dm.com/a%20b?x=1&pwd_reset_token=A-_b9&y=%C3%A9#'(z)";
    const compiled = await compile("password_reset", "en");
    const { html, text } = fillEmail(compiled, { ...templateOf("password_reset").previewWords("en"), link });
    expect(targetsOf(html).filter((target) => target === link)).toHaveLength(2);
    expect(text.split("\n")).toContain(link);
  });
});

describe("the brand", () => {
  test("is worn by every email: name, colour, logo, support address", async () => {
    const brand = {
      name: "Sabre & <Co>",
      color: "#0a7d4b",
      logoUrl: "https://sabre.example/l.png",
      supportAddress: "s@b.re",
      appUrl: "https://app.sabre.example/in",
    };
    for (const { kind, locale } of emails) {
      const { html, text } = await sampleOf(kind, locale, brand);
      expect(html).toContain('alt="Sabre &amp; &lt;Co&gt;"');
      expect(html).toContain("background-color:#0a7d4b");
      expect(html).toContain('src="https://sabre.example/l.png"');
      expect(text).toContain("Sabre & <Co>");
      expect(text).toContain("s@b.re");
      expect(targetsOf(html)).toContain("https://app.sabre.example/in");
      expect(text).toMatch(/^(Log in|Entrar): https:\/\/app\.sabre\.example\/in$/m);
    }
  });

  test("without a support address names no address for questions, and without an application no login", async () => {
    const brand = { ...SAMPLE_BRAND, supportAddress: null };
    for (const { kind, locale } of emails) {
      const { html, text } = await sampleOf(kind, locale, brand);
      expect(targetsOf(html).filter((target) => target.startsWith("mailto:"))).toEqual([]);
      expect(text).not.toMatch(/Questions|Dúvidas|[Ww]rite to us|[Ee]screva para|null|Log in:|Entrar:/);
    }
  });

  test("has no article of a gender before its name in Portuguese", async () => {
    const brand = { ...SAMPLE_BRAND, name: "Distribuidora" };
    for (const { kind } of emails) {
      const { subject, html, text } = await sampleOf(kind, "pt-BR", brand);
      for (const part of [subject, html, text])
        expect(part).not.toMatch(/\b(?:[dn]?[oa]s?|ao|à|pel[oa]) Distribuidora/i);
    }
  });

  test("may have any colour: what stands on it and around it stays readable", () => {
    const color = fc.integer({ min: 0, max: 0xffffff }).map((value) => `#${value.toString(16).padStart(6, "0")}`);
    fc.assert(
      fc.property(color, color, (one, other) => {
        expect(contrast(inkOn(one), one)).toBeGreaterThanOrEqual(4.5);
        expect(contrast(shadeOn(one, other, 3), one)).toBeGreaterThanOrEqual(3);
        if (contrast(one, other) >= 3) expect(shadeOn(one, other, 3)).toBe(other);
      }),
    );
    expect(contrast("#000000", "#ffffff")).toBeCloseTo(21);
  });

  test.each(Object.entries(PALETTES))("all text has a contrast of 4.5 in the %s", (_, palette) => {
    for (const text of [palette.ink, palette.quiet, palette.link]) {
      expect(contrast(text, palette.card)).toBeGreaterThanOrEqual(4.5);
      expect(contrast(text, palette.page)).toBeGreaterThanOrEqual(4.5);
    }
  });
});

describe("format", () => {
  test("durations are in the largest whole unit, and never longer than they are", () => {
    const said = (seconds: number): string[] => LOCALES.map((locale) => formatDuration(seconds, locale));
    expect(said(600)).toEqual(["10 minutes", "10 minutos"]);
    expect(said(60)).toEqual(["1 minute", "1 minuto"]);
    expect(said(659)).toEqual(["10 minutes", "10 minutos"]);
    expect(said(5400)).toEqual(["90 minutes", "90 minutos"]);
    expect(said(3600)).toEqual(["1 hour", "1 hora"]);
    expect(said(72 * 3600)).toEqual(["3 days", "3 dias"]);
  });

  test("moments are in UTC and say so", () => {
    const moment = new Date("2026-01-02T23:59:59Z");
    expect(formatMoment(moment, "en", "UTC")).toBe("2 January 2026 at 23:59 UTC");
    expect(formatMoment(moment, "pt-BR", "UTC")).toBe("2 de janeiro de 2026 às 23:59 UTC");
    expect(formatMoment(moment, "en", "America/Sao_Paulo")).toBe("2 January 2026 at 20:59 GMT-3");
  });

  test("a name brings no link into an email", () => {
    expect(formatName("Pam Beesly")).toBe("Pam Beesly");
    expect(formatName("J.R.R. Tolkien Jr.")).toBe("J. R. R. Tolkien Jr.");
    expect(formatName("Win! https://evil.example/x or me@evil.example")).not.toMatch(/[.:/@]\w/);
    fc.assert(fc.property(fc.string(), (name) => expect(formatName(name)).not.toMatch(/\w[.:@]\w|\/\/|www\./)));
  });

  test("what is not known is said to be unknown, never guessed", () => {
    expect(formatWay("some day's new way", "en")).toBe("in a way that we did not record");
    expect(formatWay("toString", "pt-BR")).toBe("de um modo que não registramos");
    expect(formatBrowser(null, "pt-BR")).toBe("um navegador desconhecido");
    expect(formatBrowser("a script", "pt-BR")).toBe("um script");
  });
});

/** Text of any kind, rich in what breaks out of text. */
const anyWord = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary", maxLength: 6 }),
      fc.constantFrom(
        '"',
        "'",
        "<",
        ">",
        "&",
        "<script>",
        "</style>",
        "-->",
        "<!--",
        "]]>",
        "&lt;",
        "&#60;",
        "$&",
        "$1",
      ),
      fc.constantFrom("\r\n", "\0", "\u2028", "\u202e", "\uE000", "\uE001", "\uE0001\uE001", "\ud83d", "=\n.\n"),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(""));

/** Every element with the names of its attributes, in order. */
function structureOf(html: string): string[] {
  const elements: string[] = [];
  new HTMLRewriter()
    .on("*", {
      element: ({ tagName, attributes }) => {
        elements.push([tagName, ...[...attributes].map(([name]) => name)].join(" "));
      },
    })
    .transform(html);
  return elements;
}

/** Where its links and images lead. */
function targetsOf(html: string): string[] {
  const targets: string[] = [];
  new HTMLRewriter()
    .on("[href], [src]", {
      element: (element) => {
        targets.push(element.getAttribute("href") ?? element.getAttribute("src") ?? "");
      },
    })
    .transform(html);
  return targets.map((target) => target.replaceAll("&amp;", "&").replaceAll("&#x27;", "'"));
}

const digestOf = ({ subject, html, text }: CompiledEmail): string => {
  const whole = (pieces: Pieces): string =>
    pieces.map((piece, place) => (place % 2 === 0 ? piece : `\uE000${piece}\uE001`)).join("");
  const parts = [subject, html, text].map(whole).join("\0");
  return new Bun.CryptoHasher("sha256").update(parts).digest("hex").slice(0, 16);
};
