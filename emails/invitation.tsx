import type { Brand } from "../src/config.ts";
import type { Locale } from "../src/mail/kinds.ts";
import type { LetterTemplate } from "../src/mail/render.ts";
import { Action, Aside, Layout, Paragraph } from "./layout.tsx";

type Field = "name" | "link" | "duration" | "username" | "inviter";
type Words = Readonly<Record<Field, string>>;

const COPY = {
  en: {
    subject: (brand: Brand) => `You are invited to ${brand.name}`,
    preview: (w: Words) => `${w.inviter} made you an account. Choose a password to begin.`,
    heading: (brand: Brand) => `Welcome to ${brand.name}`,
    hello: (w: Words) => `Hello ${w.name},`,
    what: (w: Words) =>
      `${w.inviter} made an account for you. Your username is ${w.username}. Choose a password, and it is yours:`,
    action: "Choose a password",
    duration: (w: Words) =>
      `The link works once, and for ${w.duration}. After that, ask for a password reset: it does the same.`,
    notYou: "If you expected no invitation, ignore this mail: without a password nobody can log in.",
  },
  "pt-BR": {
    subject: (brand: Brand) => `Convite para o ${brand.name}`,
    preview: (w: Words) => `${w.inviter} criou uma conta para você. Escolha uma senha para começar.`,
    heading: (brand: Brand) => `Boas-vindas ao ${brand.name}`,
    hello: (w: Words) => `Olá, ${w.name},`,
    what: (w: Words) =>
      `${w.inviter} criou uma conta para você. Seu nome de usuário é ${w.username}. Escolha uma senha e ela é sua:`,
    action: "Escolher senha",
    duration: (w: Words) =>
      `O link funciona uma única vez, por ${w.duration}. Depois disso, peça uma redefinição de senha: o efeito é o mesmo.`,
    notYou: "Se você não esperava um convite, ignore este e-mail: sem senha ninguém consegue entrar.",
  },
} satisfies Record<Locale, unknown>;

export const invitationLetter: LetterTemplate<Field> = {
  version: 1,
  fields: ["name", "link", "duration", "username", "inviter"],
  subject: (locale, brand) => COPY[locale].subject(brand),
  element: (words, locale, brand) => {
    const copy = COPY[locale];
    return (
      <Layout locale={locale} brand={brand} preview={copy.preview(words)} heading={copy.heading(brand)}>
        <Paragraph>{copy.hello(words)}</Paragraph>
        <Paragraph>{copy.what(words)}</Paragraph>
        <Action brand={brand} locale={locale} href={words.link} label={copy.action} />
        <Aside>{copy.duration(words)}</Aside>
        <Aside>{copy.notYou}</Aside>
      </Layout>
    );
  },
};
