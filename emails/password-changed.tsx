import type { Brand } from "../src/config.ts";
import type { Locale } from "../src/mail/kinds.ts";
import type { LetterTemplate } from "../src/mail/render.ts";
import { Action, Aside, Layout, Paragraph } from "./layout.tsx";

type Field = "name" | "way" | "ip" | "browser" | "changedAt" | "resetUrl";
type Words = Readonly<Record<Field, string>>;

const COPY = {
  en: {
    subject: (brand: Brand) => `Your ${brand.name} password was changed`,
    preview: (w: Words) => `Changed on ${w.changedAt}. If it was not you, act now.`,
    heading: "Your password was changed",
    hello: (w: Words) => `Hello ${w.name},`,
    what: (w: Words) =>
      `The password of your account was changed ${w.way}. Everybody who was logged in elsewhere has been logged out.`,
    from: (w: Words) => `On ${w.changedAt}, from ${w.ip}, with ${w.browser}.`,
    notYou: "If it was you, all is well. If it was not, take your account back by choosing a new password now:",
    action: "Choose a new password",
  },
  "pt-BR": {
    subject: (brand: Brand) => `Sua senha do ${brand.name} foi alterada`,
    preview: (w: Words) => `Alterada em ${w.changedAt}. Se não foi você, aja agora.`,
    heading: "Sua senha foi alterada",
    hello: (w: Words) => `Olá, ${w.name},`,
    what: (w: Words) =>
      `A senha da sua conta foi alterada ${w.way}. Todas as sessões abertas em outros lugares foram encerradas.`,
    from: (w: Words) => `Em ${w.changedAt}, de ${w.ip}, com ${w.browser}.`,
    notYou: "Se foi você, está tudo certo. Se não foi, recupere sua conta escolhendo agora uma nova senha:",
    action: "Escolher nova senha",
  },
} satisfies Record<Locale, unknown>;

export const passwordChangedLetter: LetterTemplate<Field> = {
  version: 1,
  fields: ["name", "way", "ip", "browser", "changedAt", "resetUrl"],
  subject: (locale, brand) => COPY[locale].subject(brand),
  element: (words, locale, brand) => {
    const copy = COPY[locale];
    return (
      <Layout locale={locale} brand={brand} preview={copy.preview(words)} heading={copy.heading}>
        <Paragraph>{copy.hello(words)}</Paragraph>
        <Paragraph>{copy.what(words)}</Paragraph>
        <Aside>{copy.from(words)}</Aside>
        <Paragraph>{copy.notYou}</Paragraph>
        <Action brand={brand} locale={locale} href={words.resetUrl} label={copy.action} />
      </Layout>
    );
  },
};
