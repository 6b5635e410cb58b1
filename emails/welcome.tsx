import type { Brand } from "../src/config.ts";
import type { Locale } from "../src/mail/kinds.ts";
import type { LetterTemplate } from "../src/mail/render.ts";
import { Aside, Layout, Paragraph } from "./layout.tsx";

type Field = "name" | "username";
type Words = Readonly<Record<Field, string>>;

const COPY = {
  en: {
    subject: (brand: Brand) => `Your ${brand.name} account`,
    preview: (w: Words) => `Your account is ready. Your username is ${w.username}.`,
    heading: (brand: Brand) => `Welcome to ${brand.name}`,
    hello: (w: Words) => `Hello ${w.name},`,
    what: (w: Words) =>
      `Your account is ready. Log in with the username ${w.username} or with this e-mail address, and the password you were given.`,
    advice: "Change that password when you are in: whoever gave it to you knows it too.",
  },
  "pt-BR": {
    subject: (brand: Brand) => `Sua conta no ${brand.name}`,
    preview: (w: Words) => `Sua conta está pronta. Seu nome de usuário é ${w.username}.`,
    heading: (brand: Brand) => `Boas-vindas ao ${brand.name}`,
    hello: (w: Words) => `Olá, ${w.name},`,
    what: (w: Words) =>
      `Sua conta está pronta. Entre com o nome de usuário ${w.username} ou com este e-mail, e a senha que você recebeu.`,
    advice: "Troque essa senha assim que entrar: quem a entregou também a conhece.",
  },
} satisfies Record<Locale, unknown>;

export const welcomeLetter: LetterTemplate<Field> = {
  version: 1,
  fields: ["name", "username"],
  subject: (locale, brand) => COPY[locale].subject(brand),
  element: (words, locale, brand) => {
    const copy = COPY[locale];
    return (
      <Layout locale={locale} brand={brand} preview={copy.preview(words)} heading={copy.heading(brand)}>
        <Paragraph>{copy.hello(words)}</Paragraph>
        <Paragraph>{copy.what(words)}</Paragraph>
        <Aside>{copy.advice}</Aside>
      </Layout>
    );
  },
};
