import type { Brand } from "../src/config.ts";
import type { Locale } from "../src/mail/kinds.ts";
import type { EmailProps, EmailTemplate } from "../src/mail/mailer.ts";
import { Action, Greeting, Layout, Literal, Paragraph } from "./layout.tsx";
import { SAMPLE_NAME, SAMPLE_SITE } from "./sample-words.ts";

const FIELDS = ["name", "username", "signInUrl"] as const;
type Field = (typeof FIELDS)[number];
type Words = Readonly<Record<Field, string>>;

const en = {
  subject: (brand: Brand) => `Your ${brand.name} account is ready`,
  preview: (w: Words) => `Your username is ${w.username}.`,
  heading: (brand: Brand) => `Welcome to ${brand.name}`,
  lead: (w: Words) => (
    <>
      Your account is ready. Log in with the username <Literal>{w.username}</Literal>, or with this e-mail address, and
      the password that you were given:
    </>
  ),
  action: (brand: Brand) => `Open ${brand.name}`,
  advice: "Change that password once you are in: whoever gave it to you knows it too.",
};

const ptBR: typeof en = {
  subject: (brand) => `Sua conta no ${brand.name} está pronta`,
  preview: (w) => `Seu nome de usuário é ${w.username}.`,
  heading: (brand) => `Boas-vindas ao ${brand.name}`,
  lead: (w) => (
    <>
      Sua conta está pronta. Entre com o nome de usuário <Literal>{w.username}</Literal>, ou com este e-mail, e a senha
      que você recebeu:
    </>
  ),
  action: (brand) => `Abrir o ${brand.name}`,
  advice: "Troque essa senha assim que entrar: quem a entregou também a conhece.",
};

const copy: Record<Locale, typeof en> = { en, "pt-BR": ptBR };

function Welcome({ locale, brand, words }: EmailProps<Field>) {
  const c = copy[locale];
  return (
    <Layout locale={locale} brand={brand} preview={c.preview(words)} heading={c.heading(brand)}>
      <Greeting locale={locale} name={words.name} />
      <Paragraph>{c.lead(words)}</Paragraph>
      <Action locale={locale} brand={brand} href={words.signInUrl} label={c.action(brand)} />
      <Paragraph>{c.advice}</Paragraph>
    </Layout>
  );
}

export const welcomeEmail: EmailTemplate<Field> = {
  version: 3,
  fields: FIELDS,
  subject: (locale, brand) => copy[locale].subject(brand),
  element: Welcome,
  previewWords: () => ({ name: SAMPLE_NAME, username: "pam-beesly", signInUrl: SAMPLE_SITE }),
};
