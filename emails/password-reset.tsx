import type { Brand } from "../src/config.ts";
import type { Locale } from "../src/mail/kinds.ts";
import type { LetterTemplate } from "../src/mail/render.ts";
import { Action, Aside, Layout, Paragraph } from "./layout.tsx";

type Field = "name" | "link" | "duration" | "ip" | "browser" | "requestedAt";
type Words = Readonly<Record<Field, string>>;

const COPY = {
  en: {
    subject: (brand: Brand) => `Reset your ${brand.name} password`,
    preview: (w: Words) => `A link to choose a new password. It works for ${w.duration}.`,
    heading: "Choose a new password",
    hello: (w: Words) => `Hello ${w.name},`,
    why: (brand: Brand) =>
      `Someone asked to reset the password of your ${brand.name} account. If that was you, here is the link:`,
    action: "Choose a new password",
    duration: (w: Words) => `It works once, and for ${w.duration}.`,
    from: (w: Words) => `Asked for on ${w.requestedAt}, from ${w.ip}, with ${w.browser}.`,
    notYou: "If it was not you, you need do nothing: your password stays as it is.",
  },
  "pt-BR": {
    subject: (brand: Brand) => `Redefina sua senha do ${brand.name}`,
    preview: (w: Words) => `Um link para escolher uma nova senha. Vale por ${w.duration}.`,
    heading: "Escolha uma nova senha",
    hello: (w: Words) => `Olá, ${w.name},`,
    why: (brand: Brand) =>
      `Alguém pediu para redefinir a senha da sua conta no ${brand.name}. Se foi você, aqui está o link:`,
    action: "Escolher nova senha",
    duration: (w: Words) => `Ele funciona uma única vez, por ${w.duration}.`,
    from: (w: Words) => `Pedido em ${w.requestedAt}, de ${w.ip}, com ${w.browser}.`,
    notYou: "Se não foi você, não precisa fazer nada: sua senha continua a mesma.",
  },
} satisfies Record<Locale, unknown>;

export const passwordResetLetter: LetterTemplate<Field> = {
  version: 1,
  fields: ["name", "link", "duration", "ip", "browser", "requestedAt"],
  subject: (locale, brand) => COPY[locale].subject(brand),
  element: (words, locale, brand) => {
    const copy = COPY[locale];
    return (
      <Layout locale={locale} brand={brand} preview={copy.preview(words)} heading={copy.heading}>
        <Paragraph>{copy.hello(words)}</Paragraph>
        <Paragraph>{copy.why(brand)}</Paragraph>
        <Action brand={brand} locale={locale} href={words.link} label={copy.action} />
        <Paragraph>{copy.duration(words)}</Paragraph>
        <Aside>{copy.from(words)}</Aside>
        <Aside>{copy.notYou}</Aside>
      </Layout>
    );
  },
};
